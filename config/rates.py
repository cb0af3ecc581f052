"""How many requests of one kind are allowed, by the environment."""

import environ


def rates(env: environ.Env) -> dict[str, str]:
    """Return the rate of each kind (apps.core.rate_limits), such as 300/minute."""
    return {
        "sign_in": env.str("RATE_SIGN_IN", "600/minute"),
        "password_mail": env.str("RATE_PASSWORD_MAIL", "60/minute"),
        "stranger": env.str("RATE_STRANGER", "6000/minute"),
        "read": env.str("RATE_READ", "1200/minute"),
        "write": env.str("RATE_WRITE", "300/minute"),
        "upload": env.str("RATE_UPLOAD", "30/minute"),
        "people": env.str("RATE_PEOPLE", "3000/minute"),
        "people_daily": env.str("RATE_PEOPLE_DAILY", "100000/day"),
        "changes_daily": env.str("RATE_CHANGES_DAILY", "10000/day"),
        "export": env.str("RATE_EXPORT", "30/minute"),
        "directory": env.str("RATE_DIRECTORY", "6000/minute"),
    }
