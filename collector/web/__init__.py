"""The live page: plain ES modules in static/, and `fetch`, which brings their third-party parts into static/vendor/."""
