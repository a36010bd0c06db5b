package httpx

import "net/http"

// Safe says whether a request is known to read only: because its Call says so, or, when it was made
// without a Client, by its method.
func Safe(req *http.Request) bool { return callOf(req).Safe }
