package sealed

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"

	"crmsync"
)

// Ring is the keys of a key file: the first seals, all open. It is a Keeper, and may be used
// concurrently.
type Ring struct{ keys []key }

type key struct {
	id   string
	aead cipher.AEAD // makes a random nonce itself and puts it in front of the box
}

// newKey returns a key of 32 bytes under an id.
func newKey(id string, secret []byte) (key, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return key{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return key{id: id, aead: aead}, err
}

// Primary returns the id of the key that seals.
func (r *Ring) Primary() string { return r.keys[0].id }

// IDs returns the ids of all keys, the primary first.
func (r *Ring) IDs() []string {
	ids := make([]string, len(r.keys))
	for i, k := range r.keys {
		ids[i] = k.id
	}
	return ids
}

// String returns how many keys the ring has.
func (r *Ring) String() string { return fmt.Sprintf("ring of %d keys", len(r.keys)) }

// GoString returns the same as String, so that no verb prints a key.
func (r *Ring) GoString() string { return r.String() }

// Format prints the same as String with any verb.
func (r *Ring) Format(state fmt.State, _ rune) { fmt.Fprint(state, r.String()) }

// bound returns what a box is bound to. The lengths keep the parts apart.
func bound(id crmsync.CredentialID, keyID string) []byte {
	data := []byte("crmsync-box-1")
	for _, part := range [...]string{id.Org, id.Name, keyID} {
		data = binary.BigEndian.AppendUint32(data, uint32(len(part)))
		data = append(data, part...)
	}
	return data
}

// Seal seals each credential with the primary key. It never fails.
func (r *Ring) Seal(_ context.Context, credentials []crmsync.Credential) ([]crmsync.SealedCredential, error) {
	rows := make([]crmsync.SealedCredential, len(credentials))
	primary := r.keys[0]
	for i, c := range credentials {
		rows[i] = crmsync.SealedCredential{ID: c.ID, KeyID: primary.id, UpdatedAt: c.UpdatedAt}
		rows[i].Box = primary.aead.Seal(nil, nil, []byte(c.Secret.Reveal()), bound(c.ID, primary.id))
	}
	return rows, nil
}

// Open opens each row with the key it names, or answers a fault of kind Denied for all: with code
// unknown_key when the ring lacks that key, with code not_openable when the box is another's.
func (r *Ring) Open(_ context.Context, rows []crmsync.SealedCredential) ([]crmsync.Credential, error) {
	credentials := make([]crmsync.Credential, len(rows))
	for i, row := range rows {
		k, ok := r.find(row.KeyID)
		if !ok {
			return nil, denied("unknown_key", fmt.Errorf("open credential %s: the key ring lacks key %s that it is sealed with: add that key to the key file, or set the credential again", row.ID, row.KeyID))
		}
		plain, err := k.aead.Open(nil, nil, row.Box, bound(row.ID, row.KeyID))
		if err != nil { // says nothing more than that
			return nil, denied("not_openable", fmt.Errorf("open credential %s: key %s does not open it: it was sealed for another org or name, by another key, or changed: set the credential again", row.ID, row.KeyID))
		}
		credentials[i] = crmsync.Credential{ID: row.ID, Secret: crmsync.NewSecret(string(plain)), UpdatedAt: row.UpdatedAt}
	}
	return credentials, nil
}

func (r *Ring) find(id string) (key, bool) {
	for _, k := range r.keys {
		if k.id == id {
			return k, true
		}
	}
	return key{}, false
}

func denied(code string, err error) error {
	return &crmsync.Fault{Kind: crmsync.Denied, Code: code, Err: err}
}
