package expr

import (
	"strings"
	"sync"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"golang.org/x/text/currency"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// placeFunctions know countries, languages and currencies. Their data is
// Unicode's CLDR as golang.org/x/text carries it.
func placeFunctions() []*function {
	text := []overload{on(maybeText(), maybeText())}
	codes := sync.OnceValue(countryNames)
	return []*function{
		{
			name: "countryName", group: "places", params: []string{"code"}, nulls: nullBlank, overloads: text, result: size{fixed: 64}, weight: 50, unary: textFunction("countryName", countryName),
			doc:      "The English name of a country code, ISO 3166-1 (\"GB\" or \"GBR\"). Null for blank text, a fault for an unknown code.",
			examples: []Example{{`countryName("gb")`, `"United Kingdom"`}, {`countryName("SWE")`, `"Sweden"`}, {`countryName(null)`, `null`}, {`countryName("XX")`, `fault: countryName: there is no such country code`}},
		},
		{
			name: "countryCode", group: "places", params: []string{"country"}, nulls: nullBlank, overloads: text, result: size{fixed: 2}, weight: 50,
			unary:    textFunction("countryCode", func(s string) ref.Val { return countryCode(s, codes) }),
			doc:      "The two-letter code of a country, from its name in a major European language or from a code. Null for blank text, a fault for an unknown name.",
			examples: []Example{{`countryCode("United Kingdom")`, `"GB"`}, {`countryCode("Schweden")`, `"SE"`}, {`countryCode("usa")`, `"US"`}, {`countryCode("UK")`, `"GB"`}, {`countryCode(" ")`, `null`}, {`countryCode("Atlantis")`, `fault: countryCode: there is no country of this name`}},
		},
		{
			name: "languageName", group: "places", params: []string{"code"}, nulls: nullBlank, overloads: text, result: size{fixed: 64}, weight: 100, unary: textFunction("languageName", languageName),
			doc:      "The English name of a language tag's language, BCP 47 (\"sv-SE\"). Null for blank text, a fault for an unknown tag.",
			examples: []Example{{`languageName("sv-SE")`, `"Swedish"`}, {`languageName("pt_BR")`, `"Portuguese"`}, {`languageName(null)`, `null`}, {`languageName("12")`, `fault: languageName: there is no such language`}},
		},
		{
			name: "currency", group: "places", params: []string{"code"}, nulls: nullBlank, overloads: text, result: size{fixed: 3}, weight: 20, unary: textFunction("currency", currencyCode),
			doc:      "A currency code, ISO 4217, in upper case. Null for blank text, a fault for an unknown code.",
			examples: []Example{{`currency(" eur")`, `"EUR"`}, {`currency(null)`, `null`}, {`currency("XQQ")`, `fault: currency: there is no such currency code`}},
		},
	}
}

// country returns the country of a code of two or three letters.
func country(code string) (r language.Region, ok bool) {
	if len(code) != 2 && len(code) != 3 || digits(code) != "" {
		return r, false
	}
	r, err := language.ParseRegion(code)
	if err != nil || !r.IsCountry() {
		return r, false
	}
	return r.Canonicalize(), true
}

func countryName(code string) ref.Val {
	code = strings.TrimSpace(code)
	if code == "" {
		return types.NullValue
	}
	r, ok := country(code)
	if !ok {
		return refuse("countryName: there is no such country code")
	}
	return types.String(display.Regions(language.English).Name(r))
}

func countryCode(name string, codes func() map[string]string) ref.Val {
	name = strings.ToLower(strings.TrimSpace(name))
	if name == "" {
		return types.NullValue
	}
	if code, ok := codes()[name]; ok {
		return types.String(code)
	}
	if r, ok := country(name); ok {
		return types.String(r.String())
	}
	return refuse("countryCode: there is no country of this name")
}

// countryNames maps lower-case names to codes. Where two languages give one
// name to different countries the earlier language wins.
func countryNames() map[string]string {
	spoken := []language.Tag{
		language.English, language.German, language.French, language.Spanish, language.Italian, language.Dutch,
		language.Portuguese, language.Swedish, language.Danish, language.Norwegian, language.Finnish, language.Polish, language.Czech,
	}
	names := map[string]string{"united states of america": "US", "great britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB", "northern ireland": "GB", "holland": "NL"}
	for _, tag := range spoken {
		namer := display.Regions(tag)
		for a := 'A'; a <= 'Z'; a++ {
			for b := 'A'; b <= 'Z'; b++ {
				r, ok := country(string(a) + string(b))
				if !ok {
					continue
				}
				name := strings.ToLower(namer.Name(r))
				if _, taken := names[name]; name != "" && !taken {
					names[name] = r.String()
				}
			}
		}
	}
	return names
}

func languageName(code string) ref.Val {
	code = strings.TrimSpace(code)
	if code == "" {
		return types.NullValue
	}
	tag, err := language.Parse(code)
	base, confidence := tag.Base()
	name := display.Languages(language.English).Name(base)
	if err != nil || confidence == language.No || name == "" {
		return refuse("languageName: there is no such language")
	}
	return types.String(name)
}

func currencyCode(code string) ref.Val {
	code = strings.TrimSpace(code)
	if code == "" {
		return types.NullValue
	}
	unit, err := currency.ParseISO(code)
	if err != nil {
		return refuse("currency: there is no such currency code")
	}
	return types.String(unit.String())
}
