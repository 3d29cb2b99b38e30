package sealed

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"crmsync"
)

// A key file holds one key a line, the primary first, as crmsync-key-1:ID:BASE64. Empty lines, and
// lines that begin with #, are passed over.
const (
	keyLabel     = "crmsync-key-1"
	keyBytes     = 32
	keyFileBytes = 64 << 10
	keysMax      = 100
	keyIDMax     = 64
)

// LoadRing reads a key file. It answers a fault of kind Denied when the file can't be read, can be
// read by other users or written by the group, or is not a key file; the message names the line
// and never quotes it.
func LoadRing(path string) (*Ring, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, denied("no_key_file", fmt.Errorf(`read key file: %w: make one with "crmsync credentials keygen"`, err))
	}
	if err != nil {
		return nil, denied("no_key_file", fmt.Errorf("read key file: %w", err))
	}
	defer func() { _ = file.Close() }() // it was only read
	info, err := file.Stat()
	if err != nil {
		return nil, denied("no_key_file", fmt.Errorf("read key file: %w", err))
	}
	// A group may read it: that is how secrets are mounted into containers.
	if mode := info.Mode().Perm(); mode&0o027 != 0 && runtime.GOOS != "windows" {
		return nil, denied("key_file_open", fmt.Errorf("read key file: %s has mode %04o and is open to others: chmod 600 it", path, mode))
	}
	text, err := io.ReadAll(io.LimitReader(file, keyFileBytes+1))
	if err != nil {
		return nil, denied("no_key_file", fmt.Errorf("read key file: %w", err))
	}
	return ParseRing(path, text)
}

// ParseRing reads the text of a key file; name stands in its errors.
func ParseRing(name string, text []byte) (*Ring, error) {
	if len(text) > keyFileBytes {
		return nil, denied("bad_key_file", fmt.Errorf("%s: a key file has at most %d bytes", name, keyFileBytes))
	}
	ring := &Ring{}
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		k, err := parseKey(line)
		if _, twice := ring.find(k.id); err == nil && twice {
			err = errors.New("an earlier line has the same id")
		}
		if err == nil && len(ring.keys) == keysMax {
			err = fmt.Errorf("a key file has at most %d keys", keysMax)
		}
		if err != nil {
			return nil, denied("bad_key_file", fmt.Errorf("%s:%d:1: %w", name, i+1, err))
		}
		ring.keys = append(ring.keys, k)
	}
	if len(ring.keys) == 0 {
		return nil, denied("bad_key_file", fmt.Errorf(`%s: no key in it: make one with "crmsync credentials keygen"`, name))
	}
	return ring, nil
}

// parseKey reads one line. Its errors don't quote it: a line without its label may be a key.
func parseKey(line string) (key, error) {
	label, rest, _ := strings.Cut(line, ":")
	id, encoded, ok := strings.Cut(rest, ":")
	if label != keyLabel || !ok {
		return key{}, fmt.Errorf("a key reads %s:ID:BASE64", keyLabel)
	}
	if !validKeyID(id) {
		return key{}, fmt.Errorf("a key's id has 1 to %d letters a-z, digits and hyphens", keyIDMax)
	}
	secret, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(secret) != keyBytes {
		return key{}, fmt.Errorf("a key has %d bytes in base64, which are 44 characters", keyBytes)
	}
	return newKey(id, secret)
}

func validKeyID(id string) bool {
	for _, c := range id {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return id != "" && len(id) <= keyIDMax
}

// GenerateKey returns a new key as a line of a key file, and its id.
func GenerateKey() (id string, line crmsync.Secret) {
	random := make([]byte, 4+keyBytes)
	rand.Read(random) // never fails
	id = "k-" + hex.EncodeToString(random[:4])
	return id, crmsync.NewSecret(keyLabel + ":" + id + ":" + base64.StdEncoding.EncodeToString(random[4:]))
}

// AddKey makes a new key the primary of a key file, and the file, if there is none; the keys that
// were there still open. It returns the new key's id. Processes see the key when they load the
// file anew, so rewrap credentials only after all of them did.
func AddKey(path string) (id string, err error) {
	var before []byte
	if _, err := os.Stat(path); err == nil {
		if _, err := LoadRing(path); err != nil {
			return "", err
		}
		if before, err = os.ReadFile(path); err != nil {
			return "", denied("no_key_file", fmt.Errorf("read key file: %w", err))
		}
	}
	id, line := GenerateKey()
	text := bytes.Join([][]byte{[]byte(line.Reveal()), before}, []byte("\n"))
	if _, err := ParseRing(path, text); err != nil {
		return "", err
	}
	if err := replace(path, text); err != nil {
		return "", fileFault("write key file", err)
	}
	return id, nil
}
