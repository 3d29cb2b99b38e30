package demo

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"crmsync"
)

// text is a text that is null in JSON when it is empty.
type text string

// MarshalJSON returns the text, or null.
func (t text) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(t))
}

// fields is the data of a record of any type, as its schema names them. Which
// of them a type has stays the same for all its records, because a mapping
// leaves alone what is missing.
type fields struct {
	Email       text  `json:"email,omitzero"`
	FirstName   text  `json:"first_name,omitzero"`
	LastName    text  `json:"last_name,omitzero"`
	JobTitle    *text `json:"job_title,omitempty"`
	CompanyName *text `json:"company_name,omitempty"`
	Birthday    *text `json:"birthday,omitempty"`
	Language    text  `json:"language,omitzero"`
	Status      text  `json:"status,omitzero"`
	Name        text  `json:"name,omitzero"`
	Domain      text  `json:"domain,omitzero"`
	Employees   *int  `json:"employees,omitempty"`
	Revenue     any   `json:"revenue,omitempty"`
	Amount      any   `json:"amount,omitempty"`
	Currency    text  `json:"currency,omitzero"`
	CloseDate   *text `json:"close_date,omitempty"`
	IsRenewal   *bool `json:"is_renewal,omitempty"`
	Description *text `json:"description,omitempty"`
	Phone       *text `json:"phone,omitempty"`
	Country     text  `json:"country,omitzero"`
	Stage       text  `json:"stage,omitzero"`
	Notes       text  `json:"notes,omitzero"` // no mapping reads them
	UpdatedAt   text  `json:"updated_at"`
}

// record is one record of an org as the stream knows it.
type record struct {
	org      *Org
	key      crmsync.RecordKey
	number   int
	version  int64
	stage    int
	deleted  bool
	flaw     flaw // what is wrong with all its versions
	internal bool
	data     fields
}

// flaw is what makes a version undeliverable.
type flaw uint8

const (
	sound       flaw = iota
	oddStage         // a stage that no mapping lists
	oddBirthday      // a day that is none
	oddEmail         // an address that the CRM refuses
	oddAmount        // an amount that is no number
)

// flaws are what may be wrong with a record of the org.
func (r *record) flaws() []flaw {
	switch {
	case r.key.Type == "deal":
		return []flaw{oddAmount, oddStage}
	case r.key.Type == "company":
		return []flaw{oddStage}
	case r.org.Like == "acme":
		return []flaw{oddStage, oddBirthday, oddStage, oddEmail}
	}
	return []flaw{oddStage, oddStage, oddStage, oddEmail} // the CRM's refusal of one costs its batch dearly
}

// spoil puts the flaw into a copy of the data.
func (f flaw) spoil(d fields) fields {
	none, wrong := text("31.02.1990"), text("not an address")
	switch f {
	case oddStage:
		d.Stage = "zombie"
	case oddBirthday:
		d.Birthday = &none
	case oddEmail:
		d.Email = wrong
	case oddAmount:
		d.Amount = "a lot"
	case sound:
	}
	return d
}

// fill makes up the data of a new record.
func (r *record) fill(rng *rand.Rand) {
	d := &r.data
	place := pick(rng, places[:])
	d.Country, d.Stage = text(place.code), "lead"
	d.Phone = maybe(rng, 80, place.number(rng))
	switch r.key.Type {
	case "contact":
		r.fillContact(rng, place)
	case "company":
		d.Name, d.Domain = r.companyName(rng), text(fmt.Sprintf("%s-%d.example.com", pick(rng, firms[:]), r.number))
		employees := rng.IntN(5000)
		d.Employees = &employees
		d.Revenue = revenue(rng)
	case "deal":
		d.Country, d.Phone = "", nil
		d.Stage, d.Currency = "new", text(pick(rng, currencies[:]))
		d.Name, d.Description = text(pick(rng, firms[:])+" deal "+fmt.Sprint(r.number)), maybe(rng, 50, pick(rng, remarks[:]))
		renewal := rng.IntN(2) == 0
		d.IsRenewal = &renewal
		r.change(rng)
	}
}

func (r *record) fillContact(rng *rand.Rand, p place) {
	d := &r.data
	first, last := pick(rng, firstNames[:]), pick(rng, lastNames[:])
	d.FirstName, d.LastName = untidy(rng, first), text(last)
	d.Email = r.email(rng)
	d.JobTitle, d.Language = maybe(rng, 80, pick(rng, jobs[:])), text(p.language)
	d.CompanyName = maybe(rng, 70, pick(rng, firms[:])+" Ltd")
	d.Birthday = maybe(rng, 60, fmt.Sprintf("%d-%02d-%02d", 1950+rng.IntN(55), 1+rng.IntN(12), 1+rng.IntN(28)))
	d.Revenue = revenue(rng)
	d.Status = "active"
	if r.internal = r.org.Like == "fjord" && rng.IntN(8) == 0; r.internal {
		d.Status = "internal"
	}
}

// email is an address that no other record of the org has.
func (r *record) email(rng *rand.Rand) text {
	return text(fmt.Sprintf(" %s.%d@%s.example.com", pick(rng, lastNames[:]), r.number, pick(rng, firms[:])))
}

func (r *record) companyName(rng *rand.Rand) text {
	return text(" " + pick(rng, firms[:]) + " " + fmt.Sprint(r.number))
}

// revenue is a number for most, and a remark for some.
func revenue(rng *rand.Rand) any {
	if rng.IntN(20) == 0 {
		return "unknown"
	}
	return rng.IntN(90_000) * 100
}

// change changes what the mappings read. Stages only go forward: the CRM
// refuses to take a person back to an earlier one.
func (r *record) change(rng *rand.Rand) {
	d := &r.data
	switch r.key.Type {
	case "contact":
		d.JobTitle = maybe(rng, 80, pick(rng, jobs[:]))
		if rng.IntN(3) == 0 {
			d.Email = r.email(rng)
		}
		if r.org.Like == "fjord" && !r.internal {
			d.Status = text(pick(rng, []string{"active", "inactive"}))
		}
	case "company":
		employees := rng.IntN(5000)
		d.Employees = &employees
	case "deal":
		d.Amount = float64(rng.IntN(1_000_000)) / 4
		d.CloseDate = maybe(rng, 80, fmt.Sprintf("2027-%02d-%02d", 1+rng.IntN(12), 1+rng.IntN(28)))
		d.Stage = text(pick(rng, dealStages[:]))
		return
	}
	if r.stage < len(stages)-1 && rng.IntN(3) == 0 {
		r.stage++
		d.Stage = text(stages[r.stage])
	}
}

// moment is the time of the n-th thing that happens.
func moment(n int64) time.Time {
	return time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Second)
}

// stamp writes a time as it stands in events: of one length, so that later
// ones are greater as texts too.
func stamp(t time.Time) string { return t.Format(time.RFC3339) }
