"""What lets a finger, a keyboard and a screen reader reach everything: a phone's page, focus that is seen, titles."""
