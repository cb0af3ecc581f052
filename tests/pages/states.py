"""All states that pages show: files, reviews, adjustments, and campaigns from their first day on.

`fill` goes through three months with the test clock and ends on Monday, 23 November 2026, at noon in Shanghai.
"""

import uuid
from datetime import date

from django.conf import settings

from apps.accounts.account_changes import request_role
from apps.accounts.approvals import refuse_request
from apps.accounts.deputies import end_deputyship
from apps.accounts.models import Account, ApprovalRequest
from apps.accounts.services import account_for, set_password_link
from apps.campaigns.adjustments.approve import grant_adjustment, refuse_adjustment, withdraw_adjustment
from apps.campaigns.adjustments.bulk_previews import previewed, request_by_file
from apps.campaigns.adjustments.late_joiners import preview_rule, request_prorated_targets
from apps.campaigns.adjustments.requests import request_adjustment, request_revocation
from apps.campaigns.announcements import mark_read, withdraw_announcement
from apps.campaigns.models import Campaign
from apps.campaigns.rule_draft import RuleDraft  # fmt: skip
from apps.contacts.file_receipt import receive_file
from apps.contacts.models import Contact, Source, Submission
from apps.contacts.services.changes import correct_contact, end_contact
from apps.contacts.services.submissions import refuse_submission
from apps.core.clock import db_now
from apps.core.models import FilePreview
from apps.exports import build_export, export_requests, schedules
from apps.exports.models import Export, ExportSchedule
from apps.forecasts.making import make_forecasts
from apps.notifications import unsubscribe
from apps.notifications.models import HelpOffer, Notification, Room
from apps.notifications.planning import plan_notifications
from apps.notifications.reminders.help_offers import answer_offer, offer_help
from apps.notifications.reminders.sending import Draft
from apps.notifications.rooms import services as rooms
from apps.notifications.webhooks import services
from apps.notifications.webhooks.models import WebhookDelivery, WebhookEndpoint
from apps.privacy.erasure_approvals import request_erasure
from apps.privacy.erasure_subject import identities_of
from apps.results.close_submissions import begin_closing
from apps.results.corrections import CorrectionDraft, grant_correction, refuse_correction, request_correction
from apps.results.freeze import freeze
from apps.roster.effects import request_change
from apps.roster.models import RosterImport
from apps.standings.campaign_approvals import change_rule_or_request
from apps.standings.campaign_lifecycle import cancel_campaign
from apps.standings.effective_dates import process_effective_dates
from apps.standings.rule_changes import change_rule
from tests import announcing, files, judging, people, reminding, reviewing, rosters
from tests.fixtures import Clock
from tests.pages import company
from tests.pages.company import account, person

LATE = "迟交.csv"
HEADER = "姓名,电话,鞋码\n"
GOOD = "".join(f"来客{n},1391234{n:04},41\n" for n in range(60))
NEW = GOOD.replace("1391234", "1371234").replace("来客", "新客")
BAD = "".join(f"怪客{n},{n},42\n" for n in range(12, 20))


def fill(house: Clock) -> dict[str, object]:
    """Everything after the first day, when the roster exists already; returns the ids."""
    september = _september(house)
    _october(house)
    house.set("2026-11-01T00:00:05+08:00", ticks=True)
    november = _november(house)
    house.set("2026-11-23T08:00:00+08:00", ticks=True)
    company.record_in_november()
    _mark()
    house.set("2026-11-10T10:00:00+08:00", ticks=True)
    filled = {"overdue": reviewing.ask(november, person("done"), "请看一下。").pk}
    house.set(people.NOON, ticks=True)
    filled["closed_out"] = Submission.objects.get(file_name=LATE).pk
    filled["link"] = set_password_link(account_for(people.person("D001"))).removeprefix(settings.BASE_URL)
    filled |= (
        _corrections(september) | _adjustments(november) | _reviews(november) | _imports() | _contacts() | _rosters()
    )
    filled |= _exports(november, september)
    _deputies()
    filled |= _two_persons(november) | _reminders(november) | _webhooks() | _accounts()
    # Its key is lost, so the page asks for the address again; a new address would need Apprise.
    Room.objects.create(manager=None, address="unreadable", every="week", language="zh-hans")
    rooms.allow_team_rooms(allowed=True, by=account("hr"))
    _announcements(_open("十二月", date(2026, 12, 1), date(2026, 12, 31), 50))
    _open("八月补记", date(2026, 8, 1), date(2026, 8, 5), 10)
    cancel_campaign(
        campaign=_open("七月", date(2026, 7, 1), date(2026, 7, 31), 10), reason="开错了日期", by=account("hr").actor
    )
    _mark()
    make_forecasts(db_now())
    plan_notifications(db_now())
    _notifications()
    filled["subscription"] = unsubscribe.token(f"e{person('five').pk}", "weekly", "email")
    return filled


def _two_persons(november: Campaign) -> dict[str, object]:
    """A change of November's rule and an erasure, which wait for a second HR member."""
    terms = RuleDraft(60, date(2026, 11, 1), date(2026, 11, 25), "Asia/Shanghai")
    rule = change_rule_or_request(
        campaign=november, draft=terms, expected_version=november.rule.version, reason="部门一致同意", key=uuid.uuid4(),
        by=account("hr").actor,
    )  # fmt: skip
    erasure = request_erasure(
        identities_of([("email", "nobody@outside.example.org")]), reason="来信要求删除，已核对身份", key=uuid.uuid4(),
        by=account("second").actor,
    )  # fmt: skip
    return {"rule": rule.pk, "erasure": erasure.pk}


def _accounts() -> dict[str, object]:
    """A role that waits for a second person, and the people whose accounts an operator sees."""
    by = Account.objects.get(login=company.OPERATOR).actor
    request = request_role(employee=person("red"), role="hr", reason="调入人力资源部", by=by)
    return {f"{name}_person": person(name).pk for name in ("red", "hr", "guarded")} | {"role_request": request.pk}


def _announcements(december: Campaign) -> None:
    """A version that is shown and that one employee has read, a withdrawn one, and one that waits."""
    text = "十二月我们再邀请一次。\n\n说明见 https://wiki.corp.example.com/12 ，谢谢大家！"
    words = {
        "title_en": "十二月的活动",
        "title_zh": "十二月的活动",
        "text_en": text,
        "text_zh": text,
        "speaker": "董事长",
    }
    words |= {"speaker_title_en": "集团董事长", "speaker_title_zh": "集团董事长"}
    first, second = account("hr").actor, account("second").actor
    shown = announcing.published(december, by=second, **words, requested_by=first)
    mark_read(announcement=shown, employee=person("done"))
    wrong = announcing.published(december, by=second, requested_by=first, **words | {"text_zh": "日期有误。"})
    withdraw_announcement(announcement_id=wrong.pk, reason="日期写错了", by=first)
    announcing.requested(december, by=first, **words | {"speaker": company.LONG[:100]})


def _reminders(campaign: Campaign) -> dict[str, object]:
    """An approved text, a reminder of one person, and offers of help: an open one and one that was answered."""
    text = reminding.text(
        title="聊一聊", text_en="欢迎随时来聊！", text_zh="需要帮忙吗？随时来找我。\n\n我们一起看看还差哪些人。"
    )
    manager = person("five")
    reminding.remind(campaign, manager, q="E001", draft=Draft(text))
    by = account("five")
    offer_help(campaign=campaign, employee=person("red"), kind=HelpOffer.Kind.TRAINING, by=by)
    answered = offer_help(campaign=campaign, employee=person("one"), kind=HelpOffer.Kind.TALK, by=by)
    answer_offer(offer_id=answered.pk, employee=person("one"), accepted=True)
    return {"text": text.pk}


def _notifications() -> None:
    """Mails that were sent, dropped, that failed, and that wait for another attempt."""
    mails = list(Notification.objects.filter(channel="email", state="due").order_by("pk").values_list("pk", flat=True))
    # Quarters of each kind, since kinds follow each other.
    outcomes = (
        {"state": "sent", "sent_at": db_now(), "attempts": 1},
        {"state": "dropped", "last_error": "switched_off"},
        {"state": "failed", "last_error": "recipient: 550", "attempts": 9},
        {"state": "due", "last_error": "connect: ConnectionRefusedError", "attempts": 2},
    )
    for place, outcome in enumerate(outcomes):
        Notification.objects.filter(pk__in=mails[place::4]).update(**outcome)


def _webhooks() -> dict[str, object]:
    """An endpoint with a delivery in each state, and one whose server is gone."""
    by, types = people.TESTER, ["campaign.opened", "campaign.frozen", "drift.found"]
    terms = {"event_types": types, "scheme": "hmac", "by": by}
    endpoint, _secret = services.add_endpoint(url="https://hooks.example.com/hundred", description="薪资系统", **terms)
    outcomes = (("delivered", 200, ""), ("failed", 500, "status"), ("due", None, "timeout"))
    for number, (state, status, error) in enumerate(outcomes):
        services.send_test_event(endpoint=endpoint, by=by, now=db_now())
        WebhookDelivery.objects.filter(attempts=0).update(
            state=state, status=status, error=error, attempts=number + 1, milliseconds=1_200,
            ended_at=None if state == "due" else db_now(), message_id=f"msg_{number}",
        )  # fmt: skip
    WebhookEndpoint.objects.update(succeeded_at=db_now(), failing_since=db_now())
    gone, _secret = services.add_endpoint(url="https://gone.example.com/hundred", description="", **terms)
    services.disable_gone_endpoint(gone.pk)
    return {"endpoint": endpoint.pk, "endpoint_gone": gone.pk}


def _november(house: Clock) -> Campaign:
    """The running one. On the 18th HR lowered the target of 120."""
    opened = _open("十一月", date(2026, 11, 1), date(2026, 11, 30), 120)
    house.set("2026-11-18T10:00:00+08:00", ticks=True)
    terms = RuleDraft(100, date(2026, 11, 1), date(2026, 11, 30), "Asia/Shanghai")
    change_rule(campaign=opened, draft=terms, expected_version=1, reason="试点显示目标过高", by=account("hr").actor)
    return Campaign.objects.get(pk=opened.pk)


def _open(name: str, opens_on: date, deadline: date, target: int) -> Campaign:
    slug = f"m{opens_on:%m}"
    opened = people.november(name=name, slug=slug, opens_on=opens_on, deadline=deadline, target=target)
    _mark()
    return opened


def _mark() -> None:
    process_effective_dates()
    people.mark()


def _september(house: Clock) -> Campaign:
    """Frozen, with a refusal at its closing, an answered review, and an adjusted target."""
    house.set("2026-09-01T00:00:05+08:00", ticks=True)
    campaign = _open("九月", date(2026, 9, 1), date(2026, 9, 30), 20)
    people_of_hr = {"by": account("hr").actor}
    asked = request_adjustment(
        campaign=campaign, employee=person("asker"), kind="part_time", reason="每周工作三天", target=12, **people_of_hr
    )
    grant_adjustment(request_id=asked.pk, by=account("second").actor)
    house.set("2026-09-29T12:00:00+08:00", ticks=True)
    company.record_in_september()
    _mark()
    _stuck(person("importer"), LATE)
    for at in ("2026-10-01T00:00:05+08:00", "2026-10-01T00:45:00+08:00"):
        house.set(at, ticks=True)
        freeze(campaign=campaign, by=people.TESTER, wait=False)
    house.set("2026-10-02T09:00:00+08:00", ticks=True)
    campaign = Campaign.objects.get(pk=campaign.pk)
    judging.judged(campaign)
    question = reviewing.ask(campaign, person("red"), "少了一位。")
    reviewing.answer(question, person("hr"), "他九月以前就已经登记。")
    return campaign


def _october(house: Clock) -> None:
    """Closing: a submission from before its deadline is not recorded yet."""
    house.set("2026-10-01T09:00:00+08:00", ticks=True)
    campaign = _open("十月", date(2026, 10, 1), date(2026, 10, 31), 30)
    house.set("2026-10-31T23:59:00+08:00", ticks=True)
    _stuck(person("importer"), "最后.csv")
    house.set("2026-11-01T00:00:03+08:00", ticks=True)
    begin_closing(campaign, people.TESTER)


def _stuck(employee: company.Employee, name: str) -> Submission:
    """A file that only its command can continue, and the command has ended."""
    return receive_file(
        employee=employee, by=people.TESTER, source=Source.CSV, file_name=name, sha256=uuid.uuid4().bytes,
        layout={"format": "csv", "encoding": "utf-8", "roles": ["name", "phone"]}, total=5_000,
    )  # fmt: skip


def _corrections(campaign: Campaign) -> dict[str, object]:
    """One granted, one refused, one waiting for a second HR member, and a previewed file."""
    first, second = account("hr"), account("second")

    def ask(reason: str, staff_no: str, counted: int) -> int:
        wanted = [CorrectionDraft(staff_no, counted=counted)]
        return request_correction(campaign=campaign, drafts=wanted, reason=reason, evidence="工单七", by=first).pk

    granted = ask("同步晚到", "E099", 20)
    grant_correction(correction_id=granted, by=second, answer="已核对")
    refused = ask("再多一位", "M001", 8)
    refuse_correction(correction_id=refused, by=second, answer="没有凭据")
    lines = "staff_no,counted,target,exempt\nM001,9,,\nM002,3,,\nX999,5,,\n"
    return {
        "correction": ask("漏记两位", "M001", 9), "granted_correction": granted, "refused_correction": refused,
        "correction_list": files.corrections(person("hr"), lines, "更正.csv", campaign=campaign).pk,
    }  # fmt: skip


def _adjustments(campaign: Campaign) -> dict[str, object]:
    """One in each state, one for many, and an end that waits."""
    first, second = account("hr").actor, account("second").actor

    def ask(place: int, **terms: object) -> int:
        usual = {"kind": "leave", "reason": "产假", "by": first}
        employee = people.person(f"M{place:03}")
        return request_adjustment(campaign=campaign, employee=employee, **usual | terms).pk  # type: ignore[arg-type]

    long_reason = "他在九月至十一月间照顾家人，" * 20
    found = {
        "waiting": ask(11, target=40), "granted": ask(12, exempt=True, reason=long_reason),
        "ending": ask(13, target=60), "refused": ask(14, exempt=True),
        "withdrawn": ask(15, target=10, kind="other", kind_text="外派"),
        "own": request_adjustment(
            campaign=campaign, employee=person("one"), kind="part_time", reason="半日", target=50, by=first
        ).pk,
    }  # fmt: skip
    for name in ("granted", "ending", "own"):
        grant_adjustment(request_id=found[name], by=second)
    refuse_adjustment(request_id=found["refused"], note="假期已经结束", by=second)
    withdraw_adjustment(request_id=found["withdrawn"], by=first)
    request = campaign.adjustmentrequest_set.get(pk=found["ending"])
    found["end_waiting"] = request_revocation(request=request, employee=None, reason="提前回来", by=first).pk
    people.load(
        "staff_no,name,email,department,manager_staff_no,started_on\n"
        + "\n".join(f"N{n:03},新人{n:02},n{n:03}@corp.example.com,支持1组,T001,2026-11-{10 + n % 9}" for n in range(30))
    )
    rule, day = campaign.rule, date(2026, 11, 5)
    seen = preview_rule(rule, db_now(), joined_after=day, department="", acting_employee_id=None)
    many = request_prorated_targets(
        campaign=campaign, joined_after=day, reason="中途加入", expected_digest=seen.digest, by=first
    )
    told = {f"{name}_adjustment": pk for name, pk in found.items()} | {"many_adjustment": many.pk}
    return told | _adjusted_by_file(campaign)


def _adjusted_by_file(campaign: Campaign) -> dict[str, object]:
    """A file with a request, a previewed one with each kind of bad line, and two unreadable ones."""
    employee, by = person("hr"), account("hr").actor
    header = "工号,目标,开始日期,结束日期\n"
    lines = [
        f"M{n:03},{'豁免' if n % 3 else n},2026-11-{n % 9 + 10},{'2026-12-31' if n % 4 else ''}\n"
        for n in range(31, 61)
    ]
    asked = files.adjustments(employee, header + "".join(lines[:12]), campaign=campaign, name="十一月休假名单.csv")
    found = previewed(FilePreview.objects.get(pk=asked.pk).report, campaign.rule, db_now(), employee.pk)
    assert found
    sent = request_by_file(
        campaign=campaign, stored=asked, kind="leave", reason="休假", expected_digest=found.digest, by=by
    )
    bad = (
        "M011,50,,\nH001,1,,\nX999,50,,\nM061,许多,,\nM062,50,2026-12-24,\nM063,60,,\nM063,70,,\nM064,50,,2026-11-12\n"
    )
    return {
        "file_adjustment": sent.pk,
        "list": files.adjustments(
            employee, header + "".join(lines[12:]) + bad, campaign=campaign, name="十二月休假名单.csv"
        ).pk,
        "waiting_list": files.adjustments(employee, header, campaign=campaign, name="等待.csv", read=False).pk,
        "nameless_list": files.adjustments(employee, "甲,乙\nM031,50\n", campaign=campaign, name="无列.csv").pk,
        "unsure_list": files.adjustments(
            employee, "who,target,x\nM031,5,你好\n".encode("gb18030"), campaign=campaign, name="旧.csv"
        ).pk,
    }


def _reviews(campaign: Campaign) -> dict[str, object]:
    asker = person("red")
    ids = reviewing.ids(asker)
    open_one = reviewing.ask(campaign, asker, "这位不是同事。\n\n请再看一次。", contacts=[ids[0], ids[-1]])
    answered = reviewing.ask(campaign, person("one"), "我每天只工作半日。")
    mine = campaign.adjustment_set.get(employee=person("one"))
    reviewing.answer(answered, person("hr"), "", kind="adjustment", subject_id=mine.pk)
    withdrawn = reviewing.ask(campaign, person("asker"), "看错了。")
    reviewing.withdraw(withdrawn)
    return {"review": open_one.pk, "answered": answered.pk, "withdrawn": withdrawn.pk}


def _imports() -> dict[str, object]:
    """A file in each state between its upload and its undo."""
    employee = person("importer")
    done = files.handed_in(employee, "name,phone\n" + (GOOD + GOOD[:300] + BAD).replace(",41", "").replace(",42", ""))
    nothing_new = files.handed_in(employee, "name,phone\n来客1,13912340001\n")
    broken = _stuck(employee, "坏了.csv")
    refuse_submission(broken.pk, "unreadable_file")
    running = _stuck(employee, "正在登记.csv")
    at = db_now()
    Submission.objects.filter(pk=running.pk).update(done=1_240, advanced_at=at)
    return {
        "upload": files.upload(employee, HEADER + NEW + GOOD[:200] + BAD, name="通讯录.csv").pk,
        "unsure": files.upload(employee, "姓名,电话\n王伟,13812345678\n".encode("gb18030"), name="旧.csv").pk,
        "nameless": files.upload(employee, "甲,乙\n王伟,城东\n", name="无列.csv").pk,
        "packed": files.upload(employee, b"PK\x03\x04" + bytes(64), name="表.xlsx").pk,
        "blank": files.upload(employee, "\n" * 2_000, name="空行.csv").pk,
        "waiting": files.sent(employee, HEADER + NEW, name="等待.csv").pk,
        "done": done.pk, "nothing_new": nothing_new.pk, "broken": broken.pk, "running": running.pk,
    }  # fmt: skip


def _contacts() -> dict[str, object]:
    """Contacts of the red one: one that counts, one that has ended, one that was corrected, and a colleague."""
    employee, by = person("red"), people.TESTER
    colleague = Contact.objects.of(employee).get(name="同事").pk
    people.record_one(employee, ("handle", "ends1"), ("phone", "13712345678"), name="某" * 60)
    people.record_one(employee, ("handle", "wrong1"), name="改名")
    ended, wrong = Contact.objects.of(employee).order_by("-pk")[1], Contact.objects.of(employee).order_by("-pk")[0]
    end_contact(contact_id=ended.pk, employee=employee, by=by)
    correct_contact(contact_id=wrong.pk, employee=employee, identities=[("handle", "right1")], by=by)
    counts = Contact.objects.of(employee).filter(name="客人98").get().pk
    return {"colleague": colleague, "ended": ended.pk, "corrected": wrong.pk, "contact": counts}


def _rosters() -> dict[str, object]:
    """A roster in each state: applied, in progress, previewed, conflicting, and in an unknown encoding."""
    header = "工号,姓名,邮箱,部门,直属上级,入职日期\n"
    new = "".join(f"R{n:03},新同事{n:03},r{n:03}@corp.example.com,支持1组,T001,02.11.2026\n" for n in range(120))
    moved = "".join(f"M{n:03},员工01{n + 1:02},m{n:03}@corp.example.com,支持2组,组长02,\n" for n in range(16, 20))
    bad = "B001,坏邮箱,没有,支持1组,,\nB002,坏日期,b002@corp.example.com,支持1组,,05/11/2026\n"
    bad += "B003,无上级,b003@corp.example.com,支持1组,无此人,\n"
    text = header + new + moved + bad + "M020,员工改名,m020@corp.example.com,支持1组,T001,\n"
    waiting = _approvals(header)
    done = rosters.applied(header + "R900,早到的人,r900@corp.example.com,支持1组,T001,2026-11-02\n", "上周.csv")
    running = rosters.confirmed(header + new, "正在导入.csv")
    running.attempts, running.done, running.total = 1, 48_000, 120_000
    running.save(update_fields=["attempts", "done", "total"])
    waiting |= _wait_for_approval(rosters.looked(text, "大批.csv", complete=True))
    circle = header + "T001,组长01,t001@corp.example.com,支持1组,M001,\n"
    return waiting | {
        "roster": rosters.looked(text, "花名册.csv", complete=True).pk, "roster_done": done.pk,
        "roster_running": running.pk, "roster_circle": rosters.looked(circle, "循环.csv").pk,
        "roster_nameless": rosters.looked("甲,乙\n王伟,城东\n", "无列.csv").pk,
        "roster_unsure": rosters.looked("no,name\n1,王伟\n".encode("gb18030"), "旧.csv").pk,
    }  # fmt: skip


def _approvals(header: str) -> dict[str, object]:
    """Addresses of employees and of a role holder, requested by a command, and a refused import by HR."""
    moved = "".join(f"{who.staff_no},{who.name},{who.staff_no.lower()}@new.example.com\n"
                    for who in map(people.person, ("H002", "M016", "M017")))  # fmt: skip
    people.load("staff_no,name,email\n" + moved, file_name="新邮箱.csv")
    load = rosters.looked(header + "R901,收购来的人,r901@corp.example.com,支持1组,T001,2026-11-02\n", "并购.csv")
    effect = {"leaving": 31, "moving": 420, "joining": 1, "counts": 2}
    refused = request_change("roster_load", load, effect, account("second").actor)
    refuse_request(request_id=refused.pk, note="名单还没有核对", by=account("hr").actor)
    emails = ApprovalRequest.objects.get(kind="email_change")
    return {"approval_emails": emails.pk, "approval_refused": refused.pk}


def _wait_for_approval(load: RosterImport) -> dict[str, object]:
    """An import that one HR member confirmed and another decides."""
    effect = {"leaving": 31, "moving": 420, "joining": 120, "counts": 2}
    request = request_change("roster_load", load, effect, account("hr").actor)
    RosterImport.objects.filter(pk=load.pk).update(state=RosterImport.State.REQUESTED)
    return {"approval": request.pk, "roster_requested": load.pk}


def _deputies() -> None:
    """Three of the manager of five: one has ended, and one begins later and was named by HR."""
    manager = person("five")
    past = people.stands_in(manager, person("importer"))
    end_deputyship(deputyship_id=past.pk, by=account("hr"))
    people.stands_in(manager, person("adder"), until=date(2026, 12, 4))
    later = {"starts_on": date(2026, 12, 7), "until": date(2027, 1, 15), "by": account("hr")}
    people.stands_in(manager, person("done"), **later)


def _exports(november: Campaign, september: Campaign) -> dict[str, object]:
    """Exports in every state: made, repeated and differing, waiting for a worker, failed, of a team, payout."""
    hr = person("hr")
    made = files.export(november, hr, filters={"status": "red", "department": "销售部", "sort": "help"})
    same = export_requests.rerun_export(export=made, key=uuid.uuid4(), by=account("hr").actor)
    build_export.make_export(same.pk, show_progress=False)
    waiting = export_requests.request_export(
        campaign=november, request=export_requests.ExportRequest("days"), key=uuid.uuid4(), by=account("hr").actor
    )
    failed = export_requests.request_export(
        campaign=november, request=export_requests.ExportRequest("teams"), key=uuid.uuid4(), by=account("hr").actor
    )
    Export.objects.filter(pk=failed.pk).update(state="failed", error="OSError", made_at=db_now())
    files.export(november, person("five"), root=people.person("L005"), format="xlsx")
    handover = files.export(Campaign.objects.get(pk=september.pk), hr, "handover")
    _schedules(november, hr)
    return {
        "export": made.pk, "export_same": same.pk, "export_waiting": waiting.pk, "export_failed": failed.pk,
        "handover": handover.pk,
    }  # fmt: skip


def _schedules(campaign: Campaign, hr: company.Employee) -> None:
    """One that is active, one that is paused and one that has ended, without the right to its team."""
    files.schedule(campaign, hr, hour=7)
    paused = files.schedule(campaign, hr, "teams", weekday=0, format="xlsx")
    schedules.pause_schedule(schedule_id=paused.pk, by=account("hr"))
    ended = files.schedule(campaign, hr, "flips", root=people.person("L005"))
    ExportSchedule.objects.filter(pk=ended.pk).update(state="ended", end_reason="no_team")
