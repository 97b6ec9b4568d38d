"""Where frames come from: video files and network cameras."""
