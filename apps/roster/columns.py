"""Recognise the columns of a roster from their headings, in several languages. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

NAME_PARTS = ("given_name", "family_name")
ROLES = (
    "staff_no", "name", *NAME_PARTS, "email", "phone", "department", "manager_staff_no", "time_zone", "started_on",
    "left_on", "chat_id", "effective_on",
)  # fmt: skip
EAST_ASIAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
# Most likely heading first: when two columns match one role, the earlier heading wins.
WORDS = {
    "staff_no": "staff no|staff number|staff id|employee no|employee number|employee id|emp no|emp id|employee code|"
    "personnel number|personnel no|badge number|worker id|worker number|associate id|person number|person id|"
    "person id external|employeeid|employeenumber|staff code|payroll number|payroll id|file number|user id|id|工号|"
    "员工工号|员工编号|职工号|人员编号|员工号|编号|员工userid|員工編號|工號|personalnummer|personal-nr|"
    "mitarbeiternummer|matricule|numéro d'employé|número de empleado|personeelsnummer|matrícula|社員番号|사번",
    "name": "name|full name|employee name|display name|displayname|worker name|legal name|preferred name|"
    "payroll name|employee|worker|associate|姓名|员工姓名|名字|中文名|姓名（中文）|mitarbeiter|vollständiger name|"
    "nom complet|nombre completo|naam|nome|氏名|성명",
    "given_name": "first name|given name|legal first name|preferred first name|firstname|givenname|forename|vorname|"
    "prénom|nombre|voornaam|名",
    "family_name": "last name|family name|legal last name|preferred last name|lastname|surname|nachname|nom|"
    "nom de famille|apellido|apellidos|achternaam|姓",
    "email": "email|e-mail|email address|e-mail address|work email|work e-mail|business email|company email|"
    "work email address|business email address|email - work|email - primary work|primary work email|primary email|"
    "work contact: work email|userprincipalname|mail|邮箱|电子邮箱|工作邮箱|公司邮箱|企业邮箱|邮件|电子邮件|郵箱|"
    "電子郵件|e-mail-adresse|adresse e-mail|courriel|correo electrónico|correo|e-mailadres|メールアドレス|이메일",
    "phone": "phone|mobile|mobile phone|phone number|work phone|mobile number|work mobile|cell phone|business phone|"
    "primary work phone|telephone|手机|手机号|手机号码|电话|联系电话|移动电话|手機|電話|telefon|mobil|handy|"
    "téléphone|portable|teléfono|móvil|telefoon|電話番号|전화번호",
    "department": "department|dept|org unit|organizational unit|organisation unit|business unit|team|division|"
    "supervisory organization|home department|department name|department description|organization|organisation|"
    "cost center|部门|所属部门|部门名称|一级部门|部門|abteilung|organisationseinheit|kostenstelle|département|"
    "service|departamento|afdeling|reparto|部署|부서",
    "manager_staff_no": "manager staff no|manager no|manager id|manager number|manager staff number|supervisor id|"
    "supervisor number|supervisor employee id|reports to id|reports to associate id|line manager id|"
    "manager employee id|manager worker id|manager user id|manager|line manager|supervisor|reports to|reporting to|"
    "manager name|supervisor name|reports to name|reporting manager|people manager|worker's manager|direct manager|"
    "direct supervisor|superior|直属上级工号|上级工号|主管工号|经理工号|汇报对象工号|直属上级|上级|直接上级|主管|"
    "直属领导|汇报对象|汇报人|经理|直屬主管|vorgesetzter|vorgesetzte|vorgesetzte/r|führungskraft|"
    "personalnummer vorgesetzter|responsable|supérieur hiérarchique|manager direct|jefe|superior directo|"
    "leidinggevende|gestor|上司",
    "time_zone": "time zone|timezone|tz|时区|時區|zeitzone|fuseau horaire|zona horaria|tijdzone",
    "started_on": "started on|start date|hire date|date of hire|most recent hire date|original hire date|hired on|"
    "employment start date|entry date|joining date|date of joining|joined|first day|employment start|入职日期|"
    "入职时间|入司日期|到岗日期|入職日期|eintritt|eintrittsdatum|date d'entrée|date d'embauche|fecha de ingreso|"
    "fecha de alta|indiensttreding|data de admissão|入社日",
    "left_on": "left on|end date|leaving date|termination date|exit date|last day|last working day|last day of work|"
    "employment end date|employment end|terminated on|离职日期|离职时间|最后工作日|離職日期|austritt|austrittsdatum|"
    "date de sortie|date de départ|fecha de baja|fecha de salida|uitdiensttreding|退社日",
    "chat_id": "chat id|chat account|chat user id|dingtalk userid|dingtalk user id|dingtalk id|slack member id|"
    "slack id|钉钉userid|钉钉用户id|钉钉id|钉钉账号|聊天账号|聊天id|chat-id",
    "effective_on": "effective on|effective date|valid from|effective from|生效日期|生效时间|gültig ab|wirksam ab|"
    "date d'effet|fecha de efecto|ingangsdatum",
}  # fmt: skip


# Templates of HR systems mark the columns that a row needs.
MARK = re.compile(r"[(\[【](required|optional|必填|选填|必填项|必須|任意)[)\]】]")


def _normalised_heading(word: str) -> str:
    text = unicodedata.normalize("NFKC", word).replace("_", " ").replace("#", " no ").lower()
    text = MARK.sub("", text)
    text = " ".join(text.replace("’", "'").split()).strip(" \t\"'“”*:.")
    return text.replace(" ", "") if EAST_ASIAN.search(text) else text


class HeaderWords:
    """Map the headings of a kind of file to roles; `words` lists each role's headings, most likely first.

    `vocabulary`: all headings in lower case, for detecting a file's encoding.
    """

    def __init__(self, words: dict[str, str]):
        self.words = words
        self._ranked = {
            _normalised_heading(word): (role, rank)
            for role, headings in reversed(words.items())
            for rank, word in reversed(list(enumerate(headings.split("|"))))
        }
        plain = frozenset(word.lower() for headings in words.values() for word in headings.split("|"))
        self.vocabulary = plain | frozenset(self._ranked)

    def recognise(self, header: Sequence[str]) -> list[str]:
        """Return one role per column, each role at most once; "" for unused columns."""
        # One column for each role; the others are ignored, and HR can choose again in the preview.
        roles: list[str] = [""] * len(header)
        best: dict[str, tuple[int, int]] = {}
        for position, word in enumerate(header):
            role, rank = self._ranked.get(_normalised_heading(word[:200]), ("", 0))
            if role and (role not in best or (rank, position) < best[role]):
                best[role] = rank, position
        for role, (_rank, position) in best.items():
            roles[position] = role
        if "name" in best:
            # A full name takes precedence over its parts.
            return ["" if role in NAME_PARTS else role for role in roles]
        return roles

    def score(self, cells: Sequence[str]) -> int:
        """Return how many columns a row of headings names; 0 for a row that names no staff number and no e-mail."""
        roles = set(self.recognise(cells)) - {""}
        return len(roles) if len(roles) > 1 and roles & {"staff_no", "email"} else 0


ROSTER = HeaderWords(WORDS)


def compose_name(given: str, family: str) -> str:
    """Compose a name from its parts, in the order of the script."""
    if EAST_ASIAN.search(given + family):
        return family + given
    return f"{given} {family}".strip()
