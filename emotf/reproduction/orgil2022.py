"""x"""

TABLES = {}
