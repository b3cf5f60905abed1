"""`cogspeech serve`: predictions over HTTP, and a page to try a model on a recording of one's own.

    connections   sockets: deadlines for headers and for readers that do not read
    guards        every request: host, origin, token, rate, headers, errors, one log line
    app           the routes
    uploads       bodies into private files, by magic, by size, by time
    jobs          one running, few waiting; who is gone is forgotten
    worker_process, worker    the other process: it decodes and predicts, within ceilings

This process never decodes audio, loads weights or imports torch.
"""
