"""The settings of allauth, of which only the requests to and from the provider and the second factors are used.

None of its own pages is open (config.urls).
"""

ACCOUNT_USER_MODEL_USERNAME_FIELD = "login"
ACCOUNT_EMAIL_VERIFICATION = "none"
# Its limits count by account, so that a guesser can lock out the owner: see apps.accounts.login_throttling.
ACCOUNT_RATE_LIMITS = False
SOCIALACCOUNT_ADAPTER = "apps.accounts.openid.NoRedirectsAdapter"
MFA_ADAPTER = "apps.accounts.second_factors.EncryptingMFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_TOLERANCE = 1  # accept the code of the half minute before or after: phones' clocks are inexact
