"""The report as one HTML page that needs no network: `page.html_report`.

Templates and assets are package data. Text from anywhere is escaped by the templates; the page's
policy forbids every outside request and every script but its own.
"""
