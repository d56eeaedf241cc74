"""Sheets: spreadsheets, values, formulas."""
