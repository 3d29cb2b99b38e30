package demo

import (
	"fmt"
	"strings"
)

// shownReasons is how many places in mappings are listed for dead letters.
const shownReasons = 8

func (p *printer) letters() {
	d := p.DeadLetters
	p.head("%s in topic %s, bytes untouched", Times(int64(d.Count), "dead letter"), d.Topic)
	var broken []string
	shown, more := 0, 0
	for _, r := range d.Reasons {
		switch {
		case r.Where == "":
			broken = append(broken, fmt.Sprintf("%s × %s", Number(int64(r.Count)), r.Code))
		case shown == shownReasons:
			more++
		default:
			shown++
			p.reason(&r)
		}
	}
	if more > 0 {
		p.line("  %s", p.Dim(fmt.Sprintf("… and %d more places in mappings", more)))
	}
	if len(broken) > 0 {
		p.line("  %s", "messages that are no events:")
		p.folded(strings.Join(broken, ", "), "    ")
	}
}

// reason tells what befell the first of the records that died for it.
func (p *printer) reason(r *Reason) {
	p.line("  %5s × %-15s %s", Number(int64(r.Count)), r.Code, r.Where)
	p.line("          %s", p.Dim(cut(r.Record+": "+inner(r.Message), 100)))
}

// inner returns what the CRM says in the middle of a message that is JSON.
func inner(message string) string {
	_, rest, found := strings.Cut(message, `"message":"`)
	text, _, whole := strings.Cut(rest, `","`)
	if !found || !whole {
		return strings.ReplaceAll(message, "\n", " ")
	}
	return strings.ReplaceAll(text, `\"`, `"`)
}

// folded writes a list in lines.
func (p *printer) folded(list, indent string) {
	for line := range strings.SplitSeq(fold(list, 96), "\n") {
		p.line("%s%s", indent, strings.TrimSpace(line))
	}
}

// accounts tells what the two special accounts went through.
func (p *printer) accounts() {
	for _, o := range p.Orgs {
		for _, a := range o.Accounts {
			switch {
			case a.Allowed > 0 && a.Requests > 0:
				p.limited(&o, &a)
			case a.refused && a.Denied > 0:
				p.denied(&o, &a)
			}
		}
	}
}

func (p *printer) limited(o *OrgReport, a *AccountReport) {
	p.head("What %s went through: an account with a tenth of the promised rate", o.Name)
	p.line("  Its org.yaml says plan: professional, which is 190 requests in 10 s. The CRM allowed %d.", a.Allowed)
	p.line("  The CRM refused %s (429), crmsync held back %s by itself.", Times(a.Throttled, "request"), Times(a.HeldBack, "request"))
	p.line("  Its records gathered meanwhile: %s went in %s requests, %.0f in each.",
		Number(a.Calls), Number(a.Requests), float64(a.Calls)/float64(max(a.Requests, 1)))
	p.others(o)
}

func (p *printer) denied(o *OrgReport, a *AccountReport) {
	p.head("What %s went through: a refused credential", o.Name)
	p.line("  The CRM answered 401 to %s. crmsync read the credential anew, then let the account rest", Times(a.Denied, "request"))
	p.line("  and tried again now and then, until it worked %.1f s later.%s", a.Down, p.spared())
	p.others(o)
}

// spared says so if no record became a dead letter for an account's refusal.
func (p *printer) spared() string {
	for _, r := range p.DeadLetters.Reasons {
		if r.Kind == "denied" {
			return ""
		}
	}
	return " No record became a dead letter for it."
}

// others tells whether the others had to wait for one org.
func (p *printer) others(one *OrgReport) {
	half := 0.0
	for _, o := range p.Orgs {
		if len(o.Accounts) > 0 && o.Accounts[0].Allowed == 0 && !o.Accounts[0].refused {
			half = max(half, o.Half)
		}
	}
	p.line("  Its slowest record took %.1f s. In every other org half of the records took at most %.1f s.", one.Slowest, half+0.05)
}

// Times returns "1 request" or "3 requests".
func Times(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Number(n) + " " + noun + "s"
}

// faultWords tells the CRM's faults in words.
var faultWords = map[string]string{
	"throttled": "429", "server_error": "500", "bad_gateway": "502", "bad_gateway_after": "502 after the write",
	"unavailable": "503", "locked": "423", "slow": "slow answers", "late": "writes that came late", "timeout": "timeouts after the write",
	"reset_before": "cut connections", "reset_after": "connections cut after the write", "partial": "batches done in part",
	"bad_record": "batches refused for one record", "silent": "answers that claim what was not done", "denied": "401", "expired": "401",
}

func (p *printer) faults() {
	if len(p.Faults) == 0 {
		return
	}
	p.head("What else the CRM was made to do")
	var all []string
	for _, name := range sortedNames(p.Faults) {
		all = append(all, fmt.Sprintf("%s × %s", Number(p.Faults[name]), faultWords[name]))
	}
	p.folded(strings.Join(all, ", "), "  ")
}

// The things that are made to go wrong beside the CRM: the names of Report.Harm.
const (
	HarmRestart    = "restarts"
	HarmKill       = "kills"
	HarmState      = "state_errors"
	HarmStateLost  = "state_answers_lost"
	HarmLetters    = "dead_letters_refused"
	HarmForgetting = "cache_losses"
	HarmDenied     = "accounts_denied"
)

// harmWords tells them in words, in this order.
var harmWords = [...]struct{ name, words string }{
	{HarmRestart, "crmsync stopped and started anew"},
	{HarmKill, "crmsync killed in the middle of its work"},
	{HarmState, "database refused"},
	{HarmStateLost, "database's answers lost"},
	{HarmLetters, "dead-letter queue refused"},
	{HarmForgetting, "caches lost"},
	{HarmDenied, "credentials refused for a while"},
}

// harm tells what went wrong beside the CRM.
func (p *printer) harm() {
	var all []string
	for _, h := range harmWords {
		if n := p.Harm[h.name]; n > 0 {
			all = append(all, fmt.Sprintf("%s × %s", Number(n), h.words))
		}
	}
	if len(all) > 0 {
		p.head("What befell crmsync and its own servers")
		p.folded(strings.Join(all, ", "), "  ")
	}
}

func (p *printer) verdict() {
	p.head("The oracle's verdict")
	p.line("  The oracle is plain Go that knows what the demo's mappings mean, and nothing of crmsync. Beside it, the")
	p.line("  checker of histories compares the log, the CRM's own record of every request, the database and the dead letters.")
	for _, c := range [...]struct{ name, good, bad string }{
		{"lost", "every change that should be in the CRM is there", "changes that should be in the CRM are not"},
		{"wrong", fmt.Sprintf("all %s objects hold what they should, property by property", Number(int64(p.Objects))), "objects hold what they should not"},
		{"duplicates", "no record ever had two objects", "records had two objects"},
		{"regressions", "no older version was written over a newer one", "older versions were written over newer ones"},
		{"stuck", "nothing is left to do: all is committed, and nothing waits", "events have not come to an end"},
		{"illegal_sequence", "no two versions of a record were under way together", "requests were sent while another version was under way"},
		{"unaccounted", p.ends() + ", and every dead letter its reason", "deliveries have no end, or one that can't be"},
	} {
		if n := p.Checks[c.name]; n == 0 {
			p.line("  %s %s", p.Good("✔"), c.good)
		} else {
			p.line("  %s %s %s (%s)", p.Bad("✖"), Number(int64(n)), c.bad, c.name)
		}
	}
	for _, f := range p.Findings {
		for line := range strings.Lines(f) {
			p.line("    %s", p.Bad(strings.TrimSuffix(line, "\n")))
		}
	}
}

// ends says how often deliveries may end: a process that is killed can't tell
// the next one what it has just finished.
func (p *printer) ends() string {
	if p.Harm[HarmKill] > 0 {
		return "every delivery has an end, though it may have been tried again"
	}
	return "every delivery has exactly one end"
}

func (p *printer) next() {
	p.head("What to try next")
	if p.Folder != "" {
		p.line("  %-56s %s", "ls "+p.Folder, p.Dim("what this demo ran on: mappings, database, log"))
	} else {
		p.line("  %-56s %s", "crmsync demo --keep", p.Dim("keep what it ran on: mappings, database, log"))
	}
	for _, try := range [...][2]string{
		{fmt.Sprintf("crmsync demo --seed %d --orgs 40", p.Seed+1), "other events, more orgs"},
		{"crmsync mappings lint", "check the sample mappings; break one and see"},
		{"crmsync mappings dry-run --events examples/events.jsonl", "the exact requests, without sending any"},
		{"crmsync --help", "everything else"},
	} {
		p.line("  %-56s %s", try[0], p.Dim(try[1]))
	}
}
