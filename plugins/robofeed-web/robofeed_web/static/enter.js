// The cookie is set; the link with its token leaves the address bar and the history.
location.replace("/" + location.hash);
