package hubspot

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxText is the longest text value, in characters.
const maxText = 65_536

// wireTime is how HubSpot writes an instant.
const wireTime = "2006-01-02T15:04:05.000Z"

// invalid is one property value that was refused.
type invalid struct {
	property string
	code     string
	message  string
}

var (
	numberForm = regexp.MustCompile(`^-?(\d+\.?\d*|\.\d+)$`)
	digitsForm = regexp.MustCompile(`^\d+$`)
	emailForm  = regexp.MustCompile(`^[^\s@,;<>()"]+@[^\s@,;<>()"]+\.[^\s@,;<>()".]+$`)
)

// stored returns the value as the object will hold it, or what is wrong with
// it. An empty value clears the property whatever its type.
func (p *Property) stored(value string, isEmail bool) (string, *invalid) {
	if p.ReadOnly {
		return "", p.refuse("READ_ONLY_VALUE", "%q is a read only property; its value cannot be set.", p.Name)
	}
	if value == "" {
		return "", nil
	}
	switch p.Type {
	case "number":
		return p.number(value)
	case "bool":
		return p.option(value, []string{"true", "false"})
	case "enumeration":
		return p.enumeration(value)
	case "date":
		return p.date(value)
	case "datetime":
		return p.datetime(value)
	}
	if isEmail {
		return p.email(value)
	}
	if len(value) > maxText && utf8.RuneCountInString(value) > maxText {
		return "", p.refuse("INVALID_LENGTH", "Property value of %q is too long: at most %d characters are allowed", p.Name, maxText)
	}
	return value, nil
}

func (p *Property) refuse(code, format string, args ...any) *invalid {
	return &invalid{property: p.Name, code: code, message: fmt.Sprintf(format, args...)}
}

func (p *Property) email(value string) (string, *invalid) {
	value = lowerEmail(value)
	if !emailForm.MatchString(value) {
		return "", p.refuse("INVALID_EMAIL", "Property value %q is not a valid email", value)
	}
	return value, nil
}

// number keeps the digits as they were sent: "1500.00" stays "1500.00".
func (p *Property) number(value string) (string, *invalid) {
	if !numberForm.MatchString(value) {
		return "", p.refuse("INVALID_INTEGER", "%s was not a valid number.", value)
	}
	return value, nil
}

func (p *Property) option(value string, allowed []string) (string, *invalid) {
	if !slices.Contains(allowed, value) {
		return "", p.refuse("INVALID_OPTION", "%s was not one of the allowed options: [%s]", value, strings.Join(allowed, ", "))
	}
	return value, nil
}

// enumeration takes the internal value of an option. Where several are
// allowed they are divided by semicolons, and one in front means "add to what
// is there", which joined carries out.
func (p *Property) enumeration(value string) (string, *invalid) {
	if p.ExternalOptions {
		// Not documented: which ids an owner property takes. Any number does.
		if !digitsForm.MatchString(value) {
			return "", p.refuse("INVALID_OPTION", "%s was not one of the allowed options: []", value)
		}
		return value, nil
	}
	if !p.multiple() {
		if p.allows(value) {
			return value, nil
		}
		return p.option(value, p.optionValues())
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(value, ";"), ";") {
		if !p.allows(part) {
			return p.option(part, p.optionValues())
		}
	}
	return value, nil
}

func (p *Property) allows(value string) bool {
	return slices.ContainsFunc(p.Options, func(o Option) bool { return o.Value == value })
}

func (p *Property) optionValues() []string {
	out := make([]string, len(p.Options))
	for i, o := range p.Options {
		out[i] = o.Value
	}
	return out
}

// date takes YYYY-MM-DD, or milliseconds that stand for midnight UTC.
func (p *Property) date(value string) (string, *invalid) {
	if t, err := time.Parse(time.DateOnly, value); err == nil {
		return t.Format(time.DateOnly), nil
	}
	millis, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return "", p.refuse("INVALID_DATE", "%s was not a valid date.", value)
	}
	t := time.UnixMilli(millis).UTC()
	if millis%(24*time.Hour).Milliseconds() != 0 {
		return "", p.refuse("INVALID_DATE", "%s is at %s, not midnight!", value, t.Format("15:04:05.000 UTC"))
	}
	return t.Format(time.DateOnly), nil
}

// datetime takes ISO 8601 with a zone, or milliseconds. A value in UTC is
// kept as it was sent.
func (p *Property) datetime(value string) (string, *invalid) {
	if t, err := time.Parse(time.RFC3339Nano, value); err == nil {
		if strings.HasSuffix(value, "Z") {
			return value, nil
		}
		return t.UTC().Format(wireTime), nil
	}
	millis, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return "", p.refuse("INVALID_LONG", "%s was not a valid long.", value)
	}
	return time.UnixMilli(millis).UTC().Format(wireTime), nil
}

// joined is the value after a write over old: a list that starts with a
// semicolon is added to the old one.
func (p *Property) joined(old, value string) string {
	if !p.multiple() || !strings.HasPrefix(value, ";") {
		return value
	}
	parts := strings.FieldsFunc(old, func(r rune) bool { return r == ';' })
	for part := range strings.SplitSeq(value[1:], ";") {
		if !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ";")
}

// backwards says whether a lifecycle stage lies before the one that is there.
func (p *Property) backwards(old, value string) bool {
	if old == "" || value == "" {
		return false
	}
	place := func(v string) int { return slices.IndexFunc(p.Options, func(o Option) bool { return o.Value == v }) }
	return place(value) < place(old)
}

// lowerEmail is how HubSpot keeps and compares e-mail addresses.
func lowerEmail(value string) string { return strings.ToLower(strings.TrimSpace(value)) }
