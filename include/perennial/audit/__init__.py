"""One archive of what became champion, why, and who decided it: for whoever has to show it later."""
