package httpx

import "net/http"

// Safe says whether a request is known to change nothing that a person would see: because its Call
// says that it reads only or signs in, or, when it was made without a Client, by its method.
func Safe(req *http.Request) bool {
	call := callOf(req)
	return call.Safe || call.Anonymous
}
