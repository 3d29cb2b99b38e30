package crmsync

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"
)

const redacted = "[redacted]"

// Secret is a text that prints as [redacted] in every form. Only Reveal gives
// it away.
type Secret struct {
	value *string // a pointer: fmt prints the text of a nested unexported field, but not what it points to
}

// NewSecret returns s as a secret; the empty text is no secret.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{value: &s}
}

// Reveal returns the text. Don't keep it, don't print it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero says whether there is no secret.
func (s Secret) IsZero() bool { return s.value == nil }

// String returns "[redacted]".
func (s Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (s Secret) GoString() string { return redacted }

// MarshalJSON returns "[redacted]" as JSON.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// MarshalText returns "[redacted]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalYAML returns "[redacted]".
func (s Secret) MarshalYAML() (any, error) { return redacted, nil }

// LogValue returns "[redacted]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// CredentialID names a credential of an org.
type CredentialID struct{ Org, Name string }

// String returns "org/name".
func (c CredentialID) String() string { return c.Org + "/" + c.Name }

// Credential is what a connection authenticates with.
type Credential struct {
	ID        CredentialID
	Secret    Secret // zero: none is stored under this id
	UpdatedAt time.Time
}

// CredentialStore keeps credentials. Implementations may be called concurrently.
type CredentialStore interface {
	// Credentials answers one credential per id, in the ids' order. A stored one
	// that can't be opened (wrong key, a row moved between orgs) is an error of
	// kind Denied for the whole slice, and is never answered.
	Credentials(ctx context.Context, ids []CredentialID) ([]Credential, error)
	// Put stores credentials, over what was there.
	Put(ctx context.Context, credentials []Credential) error
	// Delete forgets credentials. One that isn't there is no error.
	Delete(ctx context.Context, ids []CredentialID) error
}

// SealedCredential is a credential as it lies at rest: encrypted, and bound to
// its id, so that a row moved to another org can't be opened.
type SealedCredential struct {
	ID        CredentialID
	KeyID     string // which key of the ring seals it
	Box       []byte
	UpdatedAt time.Time
}

// SealedStore keeps sealed credentials; it never sees a secret.
type SealedStore interface {
	// Sealed answers one row per id, in the ids' order, with a nil Box where
	// there is none; for nil ids it answers all rows, ordered by id.
	Sealed(ctx context.Context, ids []CredentialID) ([]SealedCredential, error)
	// PutSealed stores rows, over what was there.
	PutSealed(ctx context.Context, rows []SealedCredential) error
	// DeleteSealed forgets rows. One that isn't there is no error.
	DeleteSealed(ctx context.Context, ids []CredentialID) error
}
