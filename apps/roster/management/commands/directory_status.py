from collections import Counter
from typing import Any

from django.db.models import Min

from apps.core.clock import db_now
from apps.core.management.base import AppCommand
from apps.roster.directory_models import DirectoryGroup, DirectoryUser

State = DirectoryUser.State
MAX_PRINTED = 100


class Command(AppCommand):
    help = "Lists the users of the company's directory that differ from the roster, and why. Changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        users = DirectoryUser.objects.all()
        states = Counter(users.values_list("state", flat=True))
        missing = users.exclude(state=State.APPLIED, problem="").order_by("staff_no", "pk")
        shown = [
            {"id": str(user.pk), "staff_no": user.staff_no, "state": user.state, "problem": user.problem}
            for user in missing[:MAX_PRINTED]
        ]
        output = {
            "users": sum(states.values()), "groups": DirectoryGroup.objects.count(), "states": dict(states),
            "missing": missing.count(), "shown": shown, "waiting_minutes": _waiting_minutes(),
        }  # fmt: skip
        lines = [f"{output['users']} users, {output['groups']} groups; {output['missing']} differ from the roster."]
        lines += [f"The oldest change waits for {output['waiting_minutes']} minutes."] * (State.WAITING in states)
        lines += [f"{user['staff_no'] or user['id']}: {user['state']} {user['problem']}".rstrip() for user in shown]
        self.print_result(options, output, "\n".join(lines))


def _waiting_minutes() -> int:
    """How long ago the directory sent the oldest change that no worker has tried to apply; 0 when none waits."""
    oldest = DirectoryUser.objects.filter(state=State.WAITING).aggregate(at=Min("changed_at"))["at"]
    return int((db_now() - oldest).total_seconds() // 60) if oldest else 0
