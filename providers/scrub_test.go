package providers

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

func TestScrub(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""}, {"nothing", "nothing"}, {"s3cretvalue", "[redacted]"}, {"a s3cretvalue, s3cretvalue", "a [redacted], [redacted]"},
		{"cut off in s3cretval", "cut off in [redacted]"}, {"cut off in s3cr", "cut off in [redacted]"}, {"by chance s3c", "by chance s3c"}, {"s3cretval and on", "s3cretval and on"},
	} {
		f := &crmsync.Fault{Code: c.text, Message: c.text, Field: c.text, ExistingID: c.text}
		scrub(f, "s3cretvalue")
		require.Equal(t, &crmsync.Fault{Code: c.want, Message: c.want, Field: c.want, ExistingID: c.want}, f)
	}
}

// TestScrubAtTheCut: wherever a long message is cut, no part of the credential
// is left.
func TestScrubAtTheCut(t *testing.T) {
	const credential = "s3cretvalue"
	for before := messageMax - 2*len(credential); before <= messageMax; before++ {
		body := fmt.Sprintf(`{"message":"%s%s%s"}`, strings.Repeat("x", before), credential, strings.Repeat("y", 100))
		p, b := full(t, Options{Transport: &canned{status: http.StatusBadRequest, body: []byte(body)}})
		b.Calls, b.Credential, b.Deadline = b.Calls[:1], crmsync.NewSecret(credential), time.Now().Add(time.Minute)
		f := p.Apply(t.Context(), b).Results[0].Fault
		require.NotContains(t, f.Message, credential[:tellingPart], "cut %d bytes before it ends", before)
	}
}
