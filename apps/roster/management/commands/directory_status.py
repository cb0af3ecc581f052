from collections import Counter
from typing import Any

from apps.core.management.base import AppCommand
from apps.roster.directory_models import DirectoryGroup, DirectoryUser

MAX_PRINTED = 100


class Command(AppCommand):
    help = "Lists the users of the company's directory that differ from the roster, and why. Changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        users = DirectoryUser.objects.all()
        states = Counter(users.values_list("state", flat=True))
        missing = users.exclude(state=DirectoryUser.State.APPLIED, problem="").order_by("staff_no", "pk")
        shown = [
            {"id": str(user.pk), "staff_no": user.staff_no, "state": user.state, "problem": user.problem}
            for user in missing[:MAX_PRINTED]
        ]
        output = {
            "users": sum(states.values()), "groups": DirectoryGroup.objects.count(), "states": dict(states),
            "missing": missing.count(), "shown": shown,
        }  # fmt: skip
        lines = [f"{output['users']} users, {output['groups']} groups; {output['missing']} differ from the roster."]
        lines += [f"{user['staff_no'] or user['id']}: {user['state']} {user['problem']}".rstrip() for user in shown]
        self.print_result(options, output, "\n".join(lines))
