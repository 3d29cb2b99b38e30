package hubspot

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// ErrUnknownToken is returned for a token that no portal has.
var ErrUnknownToken = errors.New("unknown token")

// DenyToken answers all requests with this token with 401
// EXPIRED_AUTHENTICATION until the given time.
func (s *Server) DenyToken(value string, until time.Time) error {
	s.mu.RLock()
	t := s.tokens[value]
	s.mu.RUnlock()
	if t == nil {
		return fmt.Errorf("deny a token until %s: %w: add its portal first", until.Format(time.RFC3339), ErrUnknownToken)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.deniedFrom, t.deniedUntil = s.config.Now(), until
	return nil
}

// expired says since when the token no longer works.
func (t *token) expired(now time.Time) (since time.Time, expired bool) {
	if !t.expires.IsZero() && !now.Before(t.expires) {
		return t.expires, true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.deniedFrom, now.Before(t.deniedUntil)
}

// permits returns the refusal of a token that has none of the scopes.
func (t *token) permits(scopes []string) *answer {
	if t.scopes == nil {
		return nil
	}
	for _, scope := range scopes {
		if t.scopes[scope] {
			return nil
		}
	}
	return missingScope(scopes)
}

// unauthenticated is the answer to a missing or unknown token.
func unauthenticated() *answer {
	return failure(http.StatusUnauthorized, errorBody{
		Message: "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at " +
			"https://developers.hubspot.com/docs/methods/auth/oauth-overview",
		Category: "INVALID_AUTHENTICATION",
	})
}

// expiredToken is the answer to a token that stopped working.
func expiredToken(now, since time.Time) *answer {
	return failure(http.StatusUnauthorized, errorBody{
		Message:  fmt.Sprintf("The OAuth token used to make this call expired %d second(s) ago.", int(now.Sub(since).Seconds())),
		Category: "EXPIRED_AUTHENTICATION",
		Context:  map[string][]string{"expire time": {since.UTC().Format(wireTime)}},
	})
}
