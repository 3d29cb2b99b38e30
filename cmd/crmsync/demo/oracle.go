package demo

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
	"unicode"

	"crmsync"
)

// Properties are what an object of the CRM holds, as text. One that is not set
// is not there.
type Properties map[string]string

// Fate is what the mappings ask of one version of a record.
type Fate uint8

// The fates.
const (
	Write   Fate = iota // the object is as the properties say
	Refused             // it can't be delivered: a dead letter
	Skipped             // the mapping leaves it out
	Removed             // the object is archived
	Marked              // the object gets the properties, and keeps the rest
	Kept                // a deletion that the mapping ignores
)

// Meaning is what the mappings of an org make of an event.
type Meaning struct {
	Object     string // the CRM's kind of object
	Fate       Fate
	Properties Properties // of Write and Marked
	Field      string     // of Refused: the CRM's field that is to blame
}

// data is a record as the events bring it.
type data map[string]any

// text returns a field's text, empty where it is null or missing.
func (d data) text(name string) string {
	s, _ := d[name].(string)
	return s
}

// whole returns a number without a fraction as text, empty for anything else.
func (d data) number(name string) string {
	f, ok := d[name].(float64)
	if !ok {
		return ""
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// objects are the CRM's names for the record types.
var objects = map[string]string{"contact": "contacts", "company": "companies", "deal": "deals"}

// Mean tells what the mappings make of an event of an org like that. It fails
// when the event's data is no JSON object, which a sound event's never is.
func Mean(like string, e *crmsync.Event) (Meaning, error) {
	m := Meaning{Object: objects[e.Key.Type]}
	if e.Op == crmsync.Deleted {
		m.deleted(like, e.Key.Type)
		return m, nil
	}
	var d data
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return m, fmt.Errorf("read the data of %s: %w", e.ID, err)
	}
	switch {
	case like == "fjord" && e.Key.Type == "contact" && d.text("status") == "internal":
		m.Fate = Skipped
		return m, nil
	case e.Key.Type == "contact":
		m.contact(like, d, e)
	case e.Key.Type == "company":
		m.company(like, d)
	default:
		m.deal(d)
	}
	m.Properties["crmsync_id"] = e.Key.ID
	maps.DeleteFunc(m.Properties, func(_, v string) bool { return v == "" })
	if m.Fate == Refused {
		m.Properties = nil
	}
	return m, nil
}

func (m *Meaning) deleted(like, kind string) {
	switch {
	case like == "fjord" && kind == "contact":
		m.Fate, m.Properties = Marked, Properties{"hs_lead_status": "UNQUALIFIED"}
	case like == "grove" && kind == "company":
		m.Fate = Kept
	default:
		m.Fate = Removed
	}
}

// refuse notes the first field that can't be delivered.
func (m *Meaning) refuse(field string) {
	if m.Fate != Refused {
		m.Fate, m.Field = Refused, field
	}
}

// choose translates a value; one that is not listed can't be delivered.
func (m *Meaning) choose(field, value string, listed map[string]string) string {
	to, ok := listed[value]
	if !ok {
		m.refuse(field)
	}
	return to
}

var (
	lifecycles = map[string]string{
		"lead": "lead", "mql": "marketingqualifiedlead", "sql": "salesqualifiedlead",
		"opportunity": "opportunity", "won": "customer", "lost": "other",
	}
	dealstages = map[string]string{
		"new": "appointmentscheduled", "qualified": "qualifiedtobuy", "proposal": "presentationscheduled",
		"negotiation": "contractsent", "won": "closedwon", "lost": "closedlost",
	}
	regions   = map[string]string{"SE": "Nordics", "GB": "Europe", "FR": "Europe"}
	countries = map[string]string{"GB": "United Kingdom", "SE": "Sweden", "US": "United States", "FR": "France"}
	prefixes  = map[string]string{"GB": "+44", "SE": "+46", "US": "+1", "FR": "+33"}
)

// contact is what all contact mappings have in common, and then each one's own.
func (m *Meaning) contact(like string, d data, e *crmsync.Event) {
	m.Properties = Properties{
		"email":           strings.ToLower(strings.TrimSpace(d.text("email"))),
		"firstname":       title(strings.TrimSpace(d.text("first_name"))),
		"lastname":        strings.TrimSpace(d.text("last_name")),
		"jobtitle":        d.text("job_title"),
		"company":         d.text("company_name"),
		"phone":           phone(d),
		"country":         countries[d.text("country")],
		"lifecyclestage":  m.choose("lifecyclestage", d.text("stage"), lifecycles),
		"crmsync_version": strconv.FormatInt(e.Version, 10),
	}
	p := m.Properties
	if !strings.Contains(p["email"], "@") {
		m.refuse("email") // by the CRM
	}
	switch like {
	case "acme":
		p["lastname"] = strings.ToUpper(p["lastname"])
		p["jobtitle"] = or(p["jobtitle"], "unknown")
		p["state"] = or(regions[d.text("country")], "World")
		p["annualrevenue"] = d.number("revenue")
		p["date_of_birth"] = m.birthday(d.text("birthday"))
	case "birch":
		p["company"] = "Birch, " + or(p["company"], "no company")
		p["hs_language"] = strings.ToLower(d.text("language"))
		delete(p, "jobtitle")
	case "fjord":
		p["firstname"] = strings.TrimSpace(d.text("first_name"))
		p["hs_lead_status"] = "BAD_TIMING"
		if d.text("status") == "active" {
			p["hs_lead_status"] = "CONNECTED"
		}
		for _, unwritten := range []string{"jobtitle", "company", "phone", "country"} {
			delete(p, unwritten)
		}
	}
}

func (m *Meaning) company(like string, d data) {
	m.Properties = Properties{
		"name":               strings.TrimSpace(d.text("name")),
		"domain":             strings.ToLower(d.text("domain")),
		"phone":              phone(d),
		"country":            countries[d.text("country")],
		"numberofemployees":  d.number("employees"),
		"annualrevenue":      d.number("revenue"),
		"lifecyclestage":     m.choose("lifecyclestage", d.text("stage"), lifecycles),
		"crmsync_updated_at": d.text("updated_at"),
	}
	if like == "grove" {
		m.Properties["name"] = strings.ToUpper(m.Properties["name"])
		delete(m.Properties, "phone")
		delete(m.Properties, "annualrevenue")
	}
}

func (m *Meaning) deal(d data) {
	if d.number("amount") == "" {
		m.refuse("amount")
	}
	kind := "newbusiness"
	if d["is_renewal"] == true {
		kind = "existingbusiness"
	}
	closes := d.text("close_date")
	if closes != "" {
		closes += "T00:00:00Z"
	}
	m.Properties = Properties{
		"dealname":           strings.TrimSpace(d.text("name")),
		"amount":             d.number("amount"),
		"deal_currency_code": strings.ToUpper(d.text("currency")),
		"dealstage":          m.choose("dealstage", d.text("stage"), dealstages),
		"dealtype":           kind,
		"closedate":          closes,
		"description":        d.text("description"),
		"pipeline":           "default", // the CRM's own, where nobody says another
		"crmsync_updated_at": d.text("updated_at"),
	}
}

// birthday writes a day as people in Europe do; one that is none can't be
// delivered.
func (m *Meaning) birthday(s string) string {
	if s == "" {
		return ""
	}
	day, err := time.Parse(time.DateOnly, s)
	if err != nil {
		m.refuse("date_of_birth")
	}
	return day.Format("02/01/2006")
}

// phone writes a number as +442079460958. A number without a country's prefix
// is one of the record's country, with or without a zero in front.
func phone(d data) string {
	number := d.text("phone")
	if number == "" {
		return ""
	}
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, number)
	if strings.HasPrefix(number, "+") {
		return "+" + digits
	}
	return prefixes[d.text("country")] + strings.TrimPrefix(digits, "0")
}

// title writes a name of one word with a capital in front.
func title(s string) string {
	r := []rune(strings.ToLower(s))
	if len(r) > 0 {
		r[0] = unicode.ToUpper(r[0])
	}
	return string(r)
}

// or returns s, or otherwise where it is blank.
func or(s, otherwise string) string {
	if strings.TrimSpace(s) == "" {
		return otherwise
	}
	return s
}

// Marker returns what tells an older state of an object from a newer one: a
// text that never sorts before that of an earlier version; empty where the
// properties don't tell.
func Marker(p Properties) string {
	if v, err := strconv.ParseInt(p["crmsync_version"], 10, 64); err == nil {
		return fmt.Sprintf("%020d", v)
	}
	return p["crmsync_updated_at"]
}
