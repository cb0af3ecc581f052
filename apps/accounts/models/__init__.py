"""Models of accounts: sign-in, factors, roles, deputies and approvals."""

from apps.accounts.models.access_ending import AccessEnding
from apps.accounts.models.account import Account, EnrolmentCode, ProviderSubject, Role
from apps.accounts.models.api_token import ApiToken, Scope
from apps.accounts.models.approval import ApprovalRequest, EmailChange
from apps.accounts.models.deputyship import Deputyship
from apps.accounts.models.security_event import SecurityEvent
from apps.accounts.models.session import BrowserSession

__all__ = [
    "AccessEnding",
    "Account",
    "ApiToken",
    "ApprovalRequest",
    "BrowserSession",
    "Deputyship",
    "EmailChange",
    "EnrolmentCode",
    "ProviderSubject",
    "Role",
    "Scope",
    "SecurityEvent",
]
