package hubspot

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"crmsync/providers/emulator"
)

// chooseFault asks the plan what shall go wrong with this request. A fault
// that makes no sense for it is forgotten.
func (x *exchange) chooseFault() {
	fault, ok := x.server.plan.Choose(emulator.Call{
		Method: x.request.Method, Path: x.request.URL.Path, Token: x.token.value, Account: x.token.portal.account,
		Operation: string(x.route.op), ObjectType: x.route.kind.name, Write: x.route.op.writes(),
	})
	if !ok {
		return
	}
	x.fault = fault
	if !x.route.op.batches() {
		x.spareBatch()
	}
}

// spareBatch forgets a fault that strikes in the middle of a batch, because
// there is no batch or it fails without help.
func (x *exchange) spareBatch() {
	switch x.fault.Kind {
	case emulator.Partial, emulator.BadRecord, emulator.Silent:
		x.fault = emulator.Fault{}
	default: // the others strike anything
	}
}

// failEarly carries out the faults that strike before the effect: it returns
// the answer of those that have one, and waits for a late effect. The wait
// goes on when the client has gone, as it would behind a proxy.
func (x *exchange) failEarly() *answer {
	switch x.fault.Kind {
	case emulator.Throttled:
		if x.route.op == opSearch {
			return searchLimitReached()
		}
		return x.token.tenSecondlyLimit()
	case emulator.QuotaSpent:
		return dailyLimit()
	case emulator.Denied:
		return unauthenticated()
	case emulator.Expired:
		return expiredToken(x.start, x.start)
	case emulator.ServerError:
		return failure(http.StatusInternalServerError, errorBody{Message: "internal error"}) // Not documented.
	case emulator.BadGateway:
		return badGateway(http.StatusBadGateway)
	case emulator.Unavailable:
		return badGateway(http.StatusServiceUnavailable)
	case emulator.Locked:
		return failure(http.StatusLocked, errorBody{Message: "The record is locked by another operation"}) // Not documented.
	case emulator.Migrating:
		return migrating(x.fault.Delay)
	case emulator.Late:
		x.server.config.Wait(context.WithoutCancel(x.request.Context()), x.fault.Delay)
	default: // the others strike later
	}
	return nil
}

// badGateway is the answer of something that stands before HubSpot, which
// knows nothing of JSON.
func badGateway(status int) *answer {
	text := fmt.Sprintf("<html><head><title>%d %s</title></head></html>\n", status, http.StatusText(status))
	return &answer{status: status, body: []byte(text), text: true}
}

// migrating is 477: the account moves between data centres.
func migrating(d time.Duration) *answer {
	const statusMigrating = 477
	a := failure(statusMigrating, errorBody{Message: "This account is being migrated. Try again later."}) // Not documented: the words.
	a.retryAfter = int(max(d.Round(time.Second)/time.Second, 1))
	return a
}

// finish sends the answer, unless a fault has it come late, changed or never.
func (x *exchange) finish(w http.ResponseWriter, a *answer) {
	ctx := x.request.Context()
	switch x.fault.Kind {
	case emulator.Slow:
		x.server.config.Wait(ctx, x.fault.Delay)
	case emulator.BadGatewayAfter:
		a = badGateway(http.StatusBadGateway)
	case emulator.Timeout:
		x.server.config.Wait(ctx, x.fault.Delay)
		x.abandon()
		panic(http.ErrAbortHandler)
	case emulator.ResetBefore, emulator.ResetAfter:
		x.abandon()
		reset(w)
	default: // the others have struck already
	}
	x.send(w, a)
}

// abandon closes the log entry of a request that gets no answer.
func (x *exchange) abandon() {
	x.server.log.Finish(x.seq, 0, x.server.config.Now())
}

// reset cuts the connection so that the client sees it reset, not closed.
func reset(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // without it the close below is merely a polite one
		}
		_ = conn.Close() // nothing can be done about a connection that won't close
	}
	panic(http.ErrAbortHandler)
}
