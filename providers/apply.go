package providers

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"

	"crmsync"
)

// Codes of requests that got no answer, or none that can be read.
const (
	codeNoCredential = "no_credential"
	codeDeadline     = "deadline_passed"
	codeTimeout      = "timeout"
	codeCancelled    = "cancelled"
	codeCutOff       = "answer_cut_off"
	codeAnswerSize   = "answer_too_large"
)

// Apply sends the batch once, as one request, and answers one result per call.
// Faults of a request that got no answer hold the network's own words as their
// cause; they name addresses, never a URL, a body or a credential.
func (p *Provider) Apply(ctx context.Context, b crmsync.Batch) crmsync.Answer {
	answer := crmsync.Answer{Results: make([]crmsync.Result, len(b.Calls))}
	sc := p.borrow()
	defer p.giveBack(sc)
	w := p.prepare(sc, &b, answer.Results)
	if w == nil {
		return answer
	}
	w.f.credential = b.Credential.Reveal()
	rd := reading{p: p, op: w.op, sc: sc, calls: b.Calls, results: answer.Results}
	sc.expect(len(b.Calls))
	now := p.now()
	switch {
	case !sendable(w.f.credential):
		rd.fail(&crmsync.Fault{Kind: crmsync.Denied, Code: codeNoCredential})
		return answer
	case expired(now, b.Deadline):
		rd.fail(&crmsync.Fault{Kind: crmsync.Transient, Code: codeDeadline})
		return answer
	}
	ctx, cancel := context.WithTimeout(ctx, b.Deadline.Sub(now))
	defer cancel()
	p.send(ctx, w, &rd)
	answer.Status = sc.view.status
	answer.Readings = p.readings(b.Connection.ID, sc.view.header)
	for i := range answer.Results {
		if f := answer.Results[i].Fault; f != nil {
			scrub(f, w.f.credential)
		}
	}
	return answer
}

// sendable tells whether a credential can stand in a header.
func sendable(credential string) bool {
	return credential != "" && !strings.ContainsFunc(credential, func(r rune) bool { return r < 0x20 || r == 0x7f })
}

// send makes the request and turns what comes of it into results. The answer's
// head is in the view then, if one came.
func (p *Provider) send(ctx context.Context, w *writer, rd *reading) {
	out := &outgoing{now: p.now, deadline: w.b.Deadline}
	out.left.Store(!p.ownTransport) // of another nothing is known
	request, err := out.request(ctx, w)
	if err != nil {
		rd.fail(&crmsync.Fault{Kind: crmsync.Internal, Code: "invalid_request"})
		return
	}
	client := p.clients.take(w.b.Connection.ID)
	defer p.clients.give(client)
	response, err := client.transport.RoundTrip(request)
	if err != nil {
		rd.fail(out.fault(ctx, err, w.op.op))
		out.release(w.sc)
		return
	}
	w.sc.view.status, w.sc.view.header = response.StatusCode, response.Header
	size, err := receive(w.sc, response)
	out.answered.Store(err == nil && size <= answerMax)
	out.release(w.sc)
	switch {
	case err == nil && size <= answerMax, statusIsEnough(w.op, response.StatusCode):
		rd.decode()
	case err == nil:
		rd.fail(&crmsync.Fault{Kind: settled(crmsync.Ambiguous, w.op.op), Code: codeAnswerSize})
	default:
		rd.fail(&crmsync.Fault{Kind: settled(crmsync.Ambiguous, w.op.op), Code: interrupted(ctx, codeCutOff), Err: cause(err)})
	}
}

// statusIsEnough tells whether a status says what became of the calls, so that
// nothing depends on the rest of the answer.
func statusIsEnough(op *operation, status int) bool {
	return status >= http.StatusMultipleChoices && !slices.Contains(op.answer.items, status)
}

// receive reads an answer's body, one byte more than it may have at most.
func receive(sc *scratch, response *http.Response) (size int64, err error) {
	defer response.Body.Close() //nolint:errcheck // what was read is what counts
	if response.StatusCode < http.StatusOK {
		return 0, nil // the body of a switched protocol is the connection, which no deadline ends
	}
	return sc.answer.ReadFrom(io.LimitReader(response.Body, answerMax+1))
}
