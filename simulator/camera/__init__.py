"""A video file as a network camera: a small RTSP server on a live timeline that can be made to fail on purpose.

`recording` reads the file's packets, `rtp` cuts them into RTP packets, `timeline` says what is due when, `rtsp` is the
wire format of requests and answers, `server` joins them; `background` and `command` run it.
"""
