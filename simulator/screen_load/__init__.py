"""`python -m simulator screenload`: how soon open pages show an alert, with a full store and alerts that keep coming.

`duty` makes the alerts, `desks` are real browsers that note when each one stands on their page, `command` joins them
with a real broker and a real collector and counts. `handling` is another command: a scripted hand deals with alerts.
"""
