package pipelinetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"crmsync"
)

// sliceMax is the longest slice that a contract is called with.
const sliceMax = 1000

// longestID is the longest part of a key, in bytes, that every implementation must take: it still
// fits beside the other parts of a PostgreSQL index entry.
const longestID = 1024

// bodyMax is the longest body of a wait, in bytes, that every implementation must take.
const bodyMax = 1 << 20

// oddKeys are keys that implementations have confused or refused: with the separators of other
// formats in them, equal but for case, blanks or Unicode's spelling, or with parts that read the
// same when run together. No two are equal.
func oddKeys() []crmsync.RecordKey {
	var keys []crmsync.RecordKey
	for _, id := range oddTexts() {
		keys = append(keys, crmsync.RecordKey{Org: "odd", Type: "contact", ID: id})
	}
	return append(keys,
		crmsync.RecordKey{Org: "Odd", Type: "contact", ID: "plain"},
		crmsync.RecordKey{Org: "odd", Type: "Contact", ID: "plain"},
		crmsync.RecordKey{Org: "oddc", Type: "ontact", ID: "plain"},
		crmsync.RecordKey{Org: "od", Type: "dcontact", ID: "plain"},
		crmsync.RecordKey{Org: `o'd"d`, Type: "a:b|c", ID: "plain"},
		crmsync.RecordKey{Org: "{odd}", Type: "contact", ID: "plain"},
		crmsync.RecordKey{Org: "ωδδ", Type: "επαφή", ID: "plain"},
	)
}

func oddTexts() []string {
	return []string{
		"plain", "PLAIN", "plain ", " plain", "", "0", "00", "null", "NULL",
		"it's", `say "hi"`, "a`b", "a\\b", "a/b/c", "/", "a:b", "a|b", "a{b}c", "a%2Fb", "a\tb", "a\nb",
		"'; DROP TABLE links; --", "$1", "?", "%s", "*", "_", "\x01", "\x7f",
		"é", "e\u0301", "ß", "ss", "İ", "日本語", "🙂", "\ufeff", "\u200b", "\U0010ffff",
		strings.Repeat("x", longestID), noise(longestID),
	}
}

// noise returns n letters that compression can't shorten by much.
func noise(n int) string {
	random := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('!' + random.IntN(94))
	}
	return string(b)
}

// recordKeys returns n keys of two orgs.
func recordKeys(n int) []crmsync.RecordKey {
	keys := make([]crmsync.RecordKey, n)
	for i := range keys {
		keys[i] = crmsync.RecordKey{Org: fmt.Sprintf("org-%d", i%2), Type: "contact", ID: fmt.Sprintf("c-%04d", i)}
	}
	return keys
}

// aTime is a time with a fraction that every store keeps: microseconds.
func aTime() time.Time { return time.Date(2026, 11, 22, 10, 0, 0, 123456000, time.UTC) }

// cancelled returns a context that is over.
func cancelled(t testing.TB) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
