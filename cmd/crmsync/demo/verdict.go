package demo

import (
	"fmt"
	"strings"
)

// shownReasons is how many reasons of dead letters are listed.
const shownReasons = 14

func (p *printer) letters() {
	d := p.DeadLetters
	p.head("%s dead letters, in topic %s, their bytes untouched", number(int64(d.Count)), d.Topic)
	wide := 0
	for _, r := range d.Reasons[:min(len(d.Reasons), shownReasons)] {
		wide = max(wide, len(r.Code))
	}
	for i, r := range d.Reasons {
		if i == shownReasons {
			p.line("  %s", p.Dim(fmt.Sprintf("and %d more reasons", len(d.Reasons)-i)))
			break
		}
		where := r.Where
		if where == "" {
			where = "the event itself"
		}
		p.line("  %6s × %-*s  %s", number(int64(r.Count)), wide, r.Code, where)
		about := cut(strings.ReplaceAll(r.Message, "\n", " "), 96)
		if r.Record != "" {
			about = r.Record + ": " + cut(about, 96-len(r.Record))
		}
		p.line("         %s", p.Dim(about))
	}
}

// accounts tells what the two special accounts went through.
func (p *printer) accounts() {
	for _, o := range p.Orgs {
		for _, a := range o.Accounts {
			switch {
			case a.Allowance > 0 && a.Requests > 0:
				p.limited(&o, &a)
			case a.refused && a.Denied > 0:
				p.denied(&o, &a)
			}
		}
	}
}

func (p *printer) limited(o *OrgReport, a *AccountReport) {
	p.head("What %s went through: an account with a tenth of the promised rate", o.Name)
	p.line("  Its org.yaml says plan: professional, which is 190 requests in 10 s. The CRM allowed %d.", a.Allowance)
	p.line("  crmsync learned that from the headers of the answers: it held %s back by itself, and the", times(a.RateChecks, "request"))
	p.line("  CRM had to refuse %s (429). Meanwhile its records gathered: %s went", times(a.Throttled, "of them"), number(a.Calls))
	p.line("  in %s requests, %.0f in each. No other org waited for it.", number(a.Requests), float64(a.Calls)/float64(max(a.Requests, 1)))
}

func (p *printer) denied(o *OrgReport, a *AccountReport) {
	p.head("What %s went through: a refused credential", o.Name)
	p.line("  The CRM answered 401 to %s. crmsync read the credential anew, then let the account", times(a.Denied, "request"))
	p.line("  rest and tried again now and then: after %.1f s it worked. Meanwhile %s records waited;", a.Down, o.Name+"'s")
	p.line("  none of them became a dead letter for it, and no other org waited.")
}

// times returns "1 request" or "3 requests".
func times(n int64, noun string) string {
	if n == 1 || strings.HasPrefix(noun, "of ") {
		return number(n) + " " + noun
	}
	return number(n) + " " + noun + "s"
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
		all = append(all, fmt.Sprintf("%s × %s", number(p.Faults[name]), faultWords[name]))
	}
	for line := range strings.SplitSeq(fold(strings.Join(all, ", "), 96), "\n") {
		p.line("  %s", strings.TrimSpace(line))
	}
}

func (p *printer) verdict() {
	p.head("The oracle's verdict")
	p.line("  The oracle is plain Go that knows what the demo's mappings mean, and nothing of crmsync.")
	for _, c := range [...]struct{ name, good, bad string }{
		{"lost", "every change that should be in the CRM is there", "changes that should be in the CRM are not"},
		{"wrong", fmt.Sprintf("all %s objects hold what they should, property by property", number(int64(p.Objects))), "objects hold what they should not"},
		{"duplicates", "no record ever had two objects", "records had two objects"},
		{"regressions", "no older version was written over a newer one", "older versions were written over newer ones"},
		{"unaccounted", "every delivery has exactly one end, and every dead letter its reason", "deliveries have no end, or one that can't be"},
	} {
		if n := p.Checks[c.name]; n == 0 {
			p.line("  %s %s", p.Good("✔"), c.good)
		} else {
			p.line("  %s %s %s (%s)", p.Bad("✖"), number(int64(n)), c.bad, c.name)
		}
	}
	for _, f := range p.Findings {
		p.line("    %s", p.Bad(f))
	}
}

func (p *printer) next() {
	p.head("What to try next")
	if p.Folder != "" {
		p.line("  %-46s %s", "ls "+p.Folder, p.Dim("what this demo ran on: mappings, database, log"))
	} else {
		p.line("  %-46s %s", "crmsync demo --keep", p.Dim("keep what it ran on: mappings, database, log"))
	}
	for _, try := range [...][2]string{
		{fmt.Sprintf("crmsync demo --seed %d --orgs 40", p.Seed+1), "other events, more orgs"},
		{"crmsync mappings lint", "check the sample mappings; break one and see"},
		{"crmsync mappings dry-run --events examples/events.jsonl", "the exact requests, without sending any"},
		{"crmsync --help", "everything else"},
	} {
		p.line("  %-46s %s", try[0], p.Dim(try[1]))
	}
}
