from collections import Counter
from typing import Any

from apps.core.management.base import AppCommand
from apps.roster.directory_models import DirectoryGroup, DirectoryUser

SHOWN = 100


class Command(AppCommand):
    help = "Says what of the company's directory the roster does not have yet, and why. Changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        users = DirectoryUser.objects.all()
        states = Counter(users.values_list("state", flat=True))
        missing = users.exclude(state=DirectoryUser.State.APPLIED, problem="").order_by("staff_no", "pk")
        shown = [
            {"id": str(user.pk), "staff_no": user.staff_no, "state": user.state, "problem": user.problem}
            for user in missing[:SHOWN]
        ]
        output = {
            "users": sum(states.values()), "groups": DirectoryGroup.objects.count(), "states": dict(states),
            "missing": missing.count(), "shown": shown,
        }  # fmt: skip
        lines = [f"{output['users']} users, {output['groups']} groups; {output['missing']} differ from the roster."]
        lines += [f"{user['staff_no'] or user['id']}: {user['state']} {user['problem']}".rstrip() for user in shown]
        self.print_result(options, output, "\n".join(lines))
