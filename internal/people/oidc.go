package people

import (
	"net/http"
	"time"
)

// oidcTime is how long a person may take at the provider.
const oidcTime = 10 * time.Minute

func newClient() *http.Client { return &http.Client{Timeout: 15 * time.Second} }
