package providers

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
)

// fifteen are the fields of the event that performance is measured with.
const fifteen = `{"email":"ada.lovelace.%[1]d@example.com","firstname":"Ada","lastname":"Lovelace","full_name":"Ada Lovelace","phone":"+442071234567",` +
	`"jobtitle":"Head of Analysis","city":"London","country":"United Kingdom","address":"12 St James's Square, London","lifecyclestage":"customer",` +
	`"hs_lead_status":null,"annualrevenue":1250000.5,"numberofemployees":420,"createdate":1795521610500,"tags":["vip","uk","beta","analytics"]}`

// full returns the provider and a full batch of upserts.
func full(tb testing.TB, opt Options) (*Provider, crmsync.Batch) {
	tb.Helper()
	all, ds := Load(opt)
	require.Empty(tb, ds)
	p, ok := all["hubspot"].(*Provider)
	require.True(tb, ok)
	b := crmsync.Batch{
		Connection: crmsync.Connection{ID: crmsync.ConnectionID{Org: "acme", Name: "hubspot"}}, Credential: crmsync.NewSecret("pat-na1-1"),
		Object: "contacts", Operation: crmsync.Upsert, Deadline: time.Now().Add(time.Hour),
	}
	for i := range 100 {
		b.Calls = append(b.Calls, crmsync.Call{
			Match: crmsync.Match{Field: "crmsync_id", Value: fmt.Sprintf("c-%06d", i)}, Fields: fmt.Appendf(nil, fifteen, i),
		})
	}
	return p, b
}

// fullAnswer is HubSpot's answer to it, in another order.
func fullAnswer() []byte {
	answer := []byte(`{"status":"COMPLETE","startedAt":"2025-11-04T20:29:54.816Z","completedAt":"2025-11-04T20:29:54.897Z","results":[`)
	for i := range 100 {
		if i > 0 {
			answer = append(answer, ',')
		}
		answer = fmt.Appendf(answer, `{"id":"1715960%05d","new":false,"properties":{"annualrevenue":"1250000.5","city":"London","country":"United Kingdom",`+
			`"createdate":"2025-11-04T20:29:54.864Z","crmsync_id":"c-%06d","email":"ada.lovelace.%d@example.com","firstname":"Ada","hs_object_id":"1715960%05d",`+
			`"lastmodifieddate":"2025-11-04T20:29:54.864Z","lastname":"Lovelace"},"createdAt":"2025-11-04T20:29:54.864Z","updatedAt":"2025-11-04T20:29:54.864Z","archived":false}`,
			99-i, 99-i, 99-i, 99-i)
	}
	return append(answer, "]}"...)
}

// BenchmarkEncode writes the body of a request of 100 calls.
func BenchmarkEncode(b *testing.B) {
	p, batch := full(b, Options{})
	results := make([]crmsync.Result, len(batch.Calls))
	var size int
	b.ReportAllocs()
	for b.Loop() {
		sc := p.borrow()
		require.NotNil(b, p.prepare(sc, &batch, results))
		size = len(sc.body)
		p.giveBack(sc)
	}
	b.SetBytes(int64(size))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch.Calls)), "ns/call")
}

// BenchmarkDecode turns the answer to 100 calls into results. It allocates the
// text of each object's id.
func BenchmarkDecode(b *testing.B) {
	p, batch := full(b, Options{})
	answer := fullAnswer()
	results := make([]crmsync.Result, len(batch.Calls))
	sc := p.borrow()
	w := p.prepare(sc, &batch, results)
	require.NotNil(b, w)
	rd := reading{p: p, op: w.op, sc: sc, calls: batch.Calls, results: results}
	b.ReportAllocs()
	b.SetBytes(int64(len(answer)))
	for b.Loop() {
		sc.expect(len(batch.Calls))
		sc.answer.Reset()
		sc.answer.Write(answer)
		sc.view.status = http.StatusOK
		rd.decode()
	}
	for i, r := range results {
		require.Nil(b, r.Fault)
		require.Equal(b, fmt.Sprintf("1715960%05d", i), r.ExternalID)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch.Calls)), "ns/call")
}

// BenchmarkApply sends 100 calls over loopback and reads the answer; the server
// runs in the same process.
func BenchmarkApply(b *testing.B) {
	answer := fullAnswer()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(answer)
	}))
	defer server.Close()
	p, batch := full(b, Options{BaseURL: map[string]string{"hubspot": server.URL}})
	defer p.Close()
	b.ReportAllocs()
	for b.Loop() {
		a := p.Apply(b.Context(), batch)
		require.Nil(b, a.Results[0].Fault)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch.Calls)), "ns/call")
}

// BenchmarkFaults classifies an answer in which all of 100 calls failed.
func BenchmarkFaults(b *testing.B) {
	answer := []byte(`{"status":"COMPLETE","results":[],"numErrors":100,"errors":[`)
	for i := range 100 {
		if i > 0 {
			answer = append(answer, ',')
		}
		answer = fmt.Appendf(answer, `{"status":"error","category":"CONFLICT","message":"Contact already exists. Existing ID: %d","context":{"objectWriteTraceId":["%d"],"existingId":["%d"]}}`, i, i, i)
	}
	tr := &canned{status: http.StatusMultiStatus, body: append(answer, "]}"...)}
	p, batch := full(b, Options{Transport: tr})
	b.ReportAllocs()
	for b.Loop() {
		a := p.Apply(b.Context(), batch)
		require.Equal(b, crmsync.Conflict, a.Results[99].Fault.Kind)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch.Calls)), "ns/call")
}

// BenchmarkLoad compiles all providers, as the start of every command does.
func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, ds := Load(Options{})
		require.Empty(b, ds)
	}
}
