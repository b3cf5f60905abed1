"""One recording to look at and to listen to, in the report and on the page of the service.

`recordings` chooses recordings of a run folder and makes their data, `sound` their audio, `assets`
what a page needs to show them: `view.js` and `view.css`, which both pages share.
"""
