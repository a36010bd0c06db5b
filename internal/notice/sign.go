package notice

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// secretPrefix and the lengths of secrets are those of the Standard Webhooks specification: 24 to 64 bytes.
const (
	secretPrefix = "whsec_"
	secretBytes  = 32
	leastSecret  = 24
	mostSecret   = 64
)

// newSecret makes a secret that messages are signed with.
func newSecret() string {
	key := make([]byte, secretBytes)
	_, _ = rand.Read(key) // it never fails
	return secretPrefix + base64.StdEncoding.EncodeToString(key)
}

func secretKey(secret string) ([]byte, error) {
	encoded, found := strings.CutPrefix(secret, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !found || err != nil || len(key) < leastSecret || len(key) > mostSecret {
		return nil, fmt.Errorf("a secret is %s and %d to %d bytes in base64", secretPrefix, leastSecret, mostSecret)
	}
	return key, nil
}

// sign gives the value of webhook-signature: a signature by each secret, so that a receiver may have either while one
// replaces the other.
func sign(secrets []string, id string, at time.Time, body []byte) (string, error) {
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		key, err := secretKey(secret)
		if err != nil {
			return "", err
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(signatures, " "), nil
}
