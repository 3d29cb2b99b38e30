package providers

import (
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// TestRepeats: a CRM's error code that is a word of what was sent is a datum.
func TestRepeats(t *testing.T) {
	sent := []crmsync.Call{
		{Key: crmsync.RecordKey{ID: "c-1"}, Match: crmsync.Match{Value: "key.7"}, Fields: []byte(`{"firstname":"Ada","email":"ada.lovelace@x.example","stage":"VALIDATION"}`)},
		{Key: crmsync.RecordKey{ID: "c-2"}, Fields: []byte(`{"city":"Zürich"}`)},
	}
	for code, want := range map[string]bool{
		"Ada": true, "ADA": true, "ada.lovelace": true, "c-1": true, "C-2": true, "key.7": true, "validation": true,
		"VALIDATION_ERROR": false, "ad": false, "lovelace": false, "da": false, "key": false, "http_400": false, "": false, "Z": false,
	} {
		require.Equal(t, want, repeats(sent, code), code)
	}
}
