"""Sign-in at a company's OpenID provider: a real one, and one that forges."""
