package hubspot

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// hundred is a batch of a hundred records with fifteen properties each.
func hundred(round int) string {
	var inputs []string
	for i := range maxInputs {
		inputs = append(inputs, fmt.Sprintf(`{"id":"c-%d","idProperty":"crmsync_id","objectWriteTraceId":"%d","properties":{`+
			`"email":"person%d@example.com","firstname":"Ada","lastname":"Lovelace %d","company":"Analytical Engines","jobtitle":"Countess",`+
			`"website":"https://example.com/people/%d","address":"12 St James's Square","city":"London","state":"Greater London","zip":"SW1Y 4JH",`+
			`"country":"United Kingdom","phone":"+442079460000","mobilephone":"+447700900000","lifecyclestage":"lead","annualrevenue":"120000"}}`,
			i, i, i, round, i))
	}
	return `{"inputs":[` + strings.Join(inputs, ",") + `]}`
}

// BenchmarkBatchUpsert is one request of 100 records of 15 properties, of
// which one changes: decoding, checks, effects, log and answer, without the
// network.
func BenchmarkBatchUpsert(b *testing.B) {
	a := open(b, Config{Now: time.Now, LogLimit: 100_000})
	bodies := []string{hundred(1), hundred(2)}
	b.SetBytes(int64(len(bodies[0])))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, upsertPath, strings.NewReader(bodies[i%2]))
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+a.token)
		r.Header.Set("Content-Type", "application/json")
		w := &answerRecorder{header: http.Header{}}
		a.server.ServeHTTP(w, r)
		if w.status != http.StatusOK {
			b.Fatalf("status %d: %s", w.status, w.body)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*maxInputs), "ns/record")
}
