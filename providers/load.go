package providers

import (
	"embed"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"

	"crmsync"
	"crmsync/dsl/document"
	"crmsync/dsl/expr"
	"crmsync/schemas"
)

// files holds every provider's description.
//
//go:embed */provider.yaml
var files embed.FS

// names are the providers of this program. To add one takes its folder and a
// line here.
var names = [...]string{
	"hubspot",
}

// Names returns the names of all providers, sorted.
func Names() []string { return slices.Sorted(slices.Values(names[:])) }

// Options change how providers are run. The zero value is production.
type Options struct {
	// BaseURL puts an emulator or a proxy in a provider's place: scheme and host,
	// and perhaps a path that ours is put behind. It is the only way to a private
	// address, and to a connection without TLS.
	BaseURL map[string]string
	// MaxInflight overrides, per provider, how long after its deadline a request
	// may still take effect. It is for emulators, which know it of themselves. A
	// real CRM doesn't: with a bound below its own an older version of a record
	// may land over a newer one, or a second object be made.
	MaxInflight map[string]time.Duration
	// Transport is used in place of our own. Its guard against private addresses
	// then doesn't run, and every error counts as one after the request has left.
	// For tests.
	Transport http.RoundTripper
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Load returns all providers by name. The descriptions are part of the program,
// so diagnostics of them are our own mistake; those of the options name the key
// of the configuration. With errors the map is nil.
func Load(opt Options) (map[string]crmsync.Provider, document.Diagnostics) {
	all := map[string]crmsync.Provider{}
	ds := unknownNames(opt)
	for _, name := range names {
		file := path.Join(name, "provider.yaml")
		src, err := files.ReadFile(file)
		if err != nil {
			ds = append(ds, fault(file, err.Error(), "add the folder or take the name off the list"))
			continue
		}
		p, found := Compile(path.Join("providers", file), src, opt)
		ds = append(ds, found...)
		if p == nil {
			continue
		}
		if p.name != name {
			ds = append(ds, fault(file, fmt.Sprintf("provider %q stands in the folder %q", p.name, name), "name them alike"))
		}
		all[name] = p
	}
	if ds.HasErrors() {
		return nil, ds
	}
	return all, ds
}

// unknownNames reports options for providers that don't exist.
func unknownNames(opt Options) document.Diagnostics {
	var ds document.Diagnostics
	for _, name := range slices.Concat(sortedKeys(opt.BaseURL), sortedKeys(opt.MaxInflight)) {
		if slices.Contains(names[:], name) {
			continue
		}
		help := "known: " + strings.Join(Names(), ", ")
		if near := document.Suggest(name, Names()); near != "" {
			help = fmt.Sprintf("did you mean %q?", near)
		}
		ds = append(ds, fault("providers."+name, fmt.Sprintf("unknown provider %q", name), help))
	}
	return ds
}

// fault returns a diagnostic of something that is not in a file.
func fault(where, message, help string) document.Diagnostic {
	return document.Diagnostic{Severity: document.Error, Code: codeProvider, Rule: ruleProvider, File: where, Message: message, Help: help}
}

// Compile reads a provider's description and returns the provider, nil if a
// diagnostic is an error.
func Compile(file string, src []byte, opt Options) (*Provider, document.Diagnostics) {
	doc, ds := document.Parse(file, src, document.DefaultLimits())
	if doc == nil {
		return nil, ds
	}
	format, _ := schemas.Format("provider")
	schema, err := document.CompileSchema("provider.schema.json", format)
	if err != nil {
		return nil, append(ds, fault(file, err.Error(), ""))
	}
	if ds = append(ds, document.Check(doc, schema, document.CheckOptions{})...); ds.HasErrors() {
		ds.Sort()
		return nil, ds
	}
	cel, err := expr.NewCompiler()
	if err != nil {
		return nil, append(ds, fault(file, err.Error(), ""))
	}
	c := &compiler{cel: cel, found: ds}
	p := c.provider(doc.Root())
	c.configure(p, opt)
	if c.found.Sort(); c.found.HasErrors() {
		return nil, c.found
	}
	p.limits = p.allLimits()
	return p, c.found
}

// configure applies the options.
func (c *compiler) configure(p *Provider, opt Options) {
	if p.now = opt.Now; p.now == nil {
		p.now = time.Now
	}
	if bound, set := opt.MaxInflight[p.name]; set {
		if bound < 0 {
			c.found = append(c.found, fault("providers."+p.name+".max_inflight", fmt.Sprintf("max_inflight %s is negative", bound), "give how long the emulator may take after a deadline, such as 2s"))
		}
		p.maxInflight = bound
	}
	var allowed string
	if override, set := opt.BaseURL[p.name]; set {
		u, err := parseBase(override)
		if err != nil {
			c.found = append(c.found, fault("providers."+p.name+".base_url", err.Error(), "give a URL such as http://127.0.0.1:8089"))
			return
		}
		allowed = hostPort(u)
		p.base = strings.TrimSuffix(u.String(), "/") + p.root
	}
	p.ownTransport = opt.Transport == nil
	p.clients = newClients(dialer{allowed: allowed}.dial, func(dial dialFunc) http.RoundTripper {
		if opt.Transport != nil {
			return opt.Transport
		}
		return newTransport(dial, p.parallel)
	})
}

// parseBase reads the URL of an emulator or a proxy.
func parseBase(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("base URL can't be read")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("base URL must begin with http:// or https://")
	case u.Hostname() == "":
		return nil, fmt.Errorf("base URL has no host")
	case strings.ContainsFunc(u.Hostname(), func(r rune) bool { return r > unicode.MaxASCII }):
		return nil, fmt.Errorf("base URL has a host that is not ASCII: write it as the DNS does, xn--…")
	case u.User != nil:
		return nil, fmt.Errorf("base URL must hold no password: credentials belong into the credential store")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("base URL must have neither query nor fragment")
	}
	return u, nil
}

// Close closes the connections that wait for the next request. Requests under
// way go on.
func (p *Provider) Close() { p.clients.close() }
