package expr

import (
	"net/mail"
	"net/url"
	"strings"
	"unicode"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/language"
)

// nameFunctions read people's names.
func nameFunctions() []*function {
	text := []overload{on(maybeText(), maybeText())}
	return []*function{
		{
			name: "firstName", group: "names", params: []string{"full"}, nulls: nullBlank, overloads: text, result: size{times: 1}, weight: 5, unary: textFunction("firstName", firstName),
			doc:      "The given names of a full name, written \"Ada King\" or \"King, Ada\"; null if there is none.",
			examples: []Example{{`firstName("Ada King Noel")`, `"Ada King"`}, {`firstName("van der Berg, Anna")`, `"Anna"`}, {`firstName("Ludwig van Beethoven")`, `"Ludwig"`}, {`firstName("Plato")`, `"Plato"`}, {`firstName(null)`, `null`}},
		},
		{
			name: "lastName", group: "names", params: []string{"full"}, nulls: nullBlank, overloads: text, result: size{times: 1}, weight: 5, unary: textFunction("lastName", lastName),
			doc:      "The family name of a full name: what stands before a comma, else the last word with the lower-case words before it; null for a single word.",
			examples: []Example{{`lastName("Ada King Noel")`, `"Noel"`}, {`lastName("van der Berg, Anna")`, `"van der Berg"`}, {`lastName("Ludwig van Beethoven")`, `"van Beethoven"`}, {`lastName("Plato")`, `null`}, {`lastName(null)`, `null`}},
		},
	}
}

// splitName splits a full name at the comma, or before the family name.
func splitName(full string) (first, last string) {
	if before, after, comma := strings.Cut(full, ","); comma {
		return singleLine(after), singleLine(before)
	}
	words := strings.Fields(full)
	if len(words) < 2 {
		return strings.Join(words, ""), ""
	}
	at := len(words) - 1
	for at > 1 && unicode.IsLower([]rune(words[at-1])[0]) {
		at--
	}
	return strings.Join(words[:at], " "), strings.Join(words[at:], " ")
}

func firstName(full string) ref.Val {
	first, _ := splitName(full)
	return textOrNull(first)
}

func lastName(full string) ref.Val {
	_, last := splitName(full)
	return textOrNull(last)
}

func textOrNull(s string) ref.Val {
	if s == "" {
		return types.NullValue
	}
	return types.String(s)
}

// webFunctions read phone numbers, e-mail addresses and web addresses.
func webFunctions() []*function {
	return []*function{
		{
			name: "e164", group: "web", params: []string{"phone", "region"}, nulls: nullBlank, result: size{fixed: 16}, weight: 400, variadic: e164, literal: badRegion,
			doc:       "A phone number as +4420…; region (\"GB\") reads numbers that are written without a country code. Null for blank text, a fault for what is no valid number.",
			overloads: []overload{on(maybeText(), maybeText(), maybeText()), on(maybeText(), maybeText())},
			examples: []Example{
				{`e164("(020) 7946 0958", "GB")`, `"+442079460958"`}, {`e164("+46 70-123 45 67")`, `"+46701234567"`}, {`e164(" ", "GB")`, `null`}, {`e164(null, "GB")`, `null`},
				{`e164("12", "GB")`, `fault: e164: this is no valid phone number of GB`},
			},
		},
		{
			name: "domain", group: "web", params: []string{"address"}, nulls: nullBlank, result: size{times: 1}, weight: 30, unary: textFunction("domain", domain),
			doc:       "The host of an e-mail or web address, in lower case and without www.; null if there is none.",
			overloads: []overload{on(maybeText(), maybeText())},
			examples:  []Example{{`domain("Ada@Example.COM")`, `"example.com"`}, {`domain("https://www.example.com/about?x=1")`, `"example.com"`}, {`domain("example.com/jobs")`, `"example.com"`}, {`domain("n/a")`, `null`}, {`domain(null)`, `null`}},
		},
		{
			name: "isEmail", group: "web", params: []string{"s"}, weight: 50, unary: isEmail,
			doc:       "Whether s is one e-mail address and nothing else.",
			overloads: []overload{on(types.BoolType, maybeText())},
			examples:  []Example{{`isEmail("ada@example.com")`, `true`}, {`isEmail("Ada <ada@example.com>")`, `false`}, {`isEmail("ada@")`, `false`}, {`isEmail(null)`, `false`}},
		},
	}
}

func e164(args ...ref.Val) ref.Val {
	s, ok := args[0].(types.String)
	if !ok {
		return notText("e164", args[0])
	}
	region := ""
	if len(args) == 2 && !isNothing(args[1]) {
		r, ok := args[1].(types.String)
		if !ok {
			return wrongType("e164", "a region that is a string", args[1])
		}
		if region, ok = phoneRegion(string(r)); !ok {
			return refuse("e164: the region must be a country code such as GB")
		}
	}
	text := strings.TrimSpace(string(s))
	if text == "" {
		return types.NullValue
	}
	if len(text) > 64 {
		return refuse("e164: this is no valid phone number")
	}
	return dial(text, region)
}

func dial(text, region string) ref.Val {
	n, err := phonenumbers.Parse(text, region)
	if err != nil || !phonenumbers.IsValidNumber(n) {
		if region == "" {
			return refuse("e164: this is no valid phone number; without a region it must begin with +")
		}
		return refuse("e164: this is no valid phone number of %s", region)
	}
	return types.String(phonenumbers.Format(n, phonenumbers.E164))
}

// phoneRegion returns the region as the phone library names it: "UK" is "GB".
func phoneRegion(code string) (region string, ok bool) {
	r, err := language.ParseRegion(strings.TrimSpace(code))
	if err != nil || !r.IsCountry() {
		return "", false
	}
	region = r.Canonicalize().String()
	return region, phonenumbers.GetCountryCodeForRegion(region) != 0
}

func badRegion(arg int, text string) string {
	if arg != 1 {
		return ""
	}
	if _, ok := phoneRegion(text); ok {
		return ""
	}
	return "is no country code such as \"GB\""
}

func domain(s string) ref.Val {
	host := strings.TrimSpace(s)
	if at := strings.LastIndexByte(host, '@'); at >= 0 && !strings.Contains(host, "/") {
		host = host[at+1:]
	} else {
		if !strings.Contains(host, "://") {
			host = "http://" + host
		}
		u, err := url.Parse(host)
		if err != nil {
			return types.NullValue
		}
		host = u.Hostname()
	}
	host = strings.TrimPrefix(strings.ToLower(strings.TrimSuffix(host, ".")), "www.")
	if !strings.Contains(host, ".") || strings.ContainsAny(host, " <>") {
		return types.NullValue
	}
	return types.String(host)
}

func isEmail(v ref.Val) ref.Val {
	s, ok := v.(types.String)
	if !ok || len(s) > 320 {
		return types.False
	}
	a, err := mail.ParseAddress(string(s))
	return types.Bool(err == nil && a.Address == string(s) && strings.Contains(string(s), "."))
}
