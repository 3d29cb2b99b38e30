package main

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"crmsync/dsl/document"
)

const envPrefix = "CRMSYNC_"

// unknownTold is how many unknown variables are told of: who has more of them
// has another mistake.
const unknownTold = 20

// setting is one value of the configuration.
type setting struct {
	path  string // as in the file: kafka.topic
	value reflect.Value
}

// variable returns the name of the environment variable for a setting.
func variable(path string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// settings lists all values of a struct, of which those below a nil pointer are
// left out. Entries of maps are not addressable: see providerSettings.
func settings(v reflect.Value, path string) (all []setting) {
	for i := range v.NumField() {
		f, at := v.Field(i), strings.TrimPrefix(path+"."+v.Type().Field(i).Tag.Get("yaml"), ".")
		switch {
		case f.Kind() == reflect.Pointer && f.IsNil(), f.Kind() == reflect.Map:
		case f.Kind() == reflect.Pointer:
			all = append(all, settings(f.Elem(), at)...)
		case f.Kind() == reflect.Struct && f.Type() != reflect.TypeFor[secret]():
			all = append(all, settings(f, at)...)
		default:
			all = append(all, setting{at, f})
		}
	}
	return all
}

// environment lays CRMSYNC_… variables over c. One that no setting has is a
// mistake worth stopping for: the author meant something by it. CRMSYNC_TEST_…
// and CRMSYNC_PARTS_… are for our tests and the servers they run on.
func (c *config) environment(env []string, from origin) error {
	given := map[string]string{}
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		ours := strings.HasPrefix(name, envPrefix)
		tests := strings.HasPrefix(name, envPrefix+"TEST_") || strings.HasPrefix(name, envPrefix+"PARTS_")
		if ours && !tests {
			given[name] = value
		}
	}
	c.prepare(given)
	var known []string
	var errs []error
	for _, s := range settings(reflect.ValueOf(c).Elem(), "") {
		known = append(known, variable(s.path))
		errs = append(errs, s.overlay(given, from))
	}
	for name, p := range c.Providers {
		for _, s := range settings(reflect.ValueOf(&p).Elem(), "providers."+name) {
			known = append(known, variable(s.path))
			errs = append(errs, s.overlay(given, from))
		}
		c.Providers[name] = p
	}
	for i, name := range slices.Sorted(maps.Keys(given)) {
		if i == unknownTold {
			errs = append(errs, fmt.Errorf("unknown variable %s, and %d more", name, len(given)-i-1))
			break
		}
		text := fmt.Sprintf("unknown variable %s", name)
		if near := document.Suggest(name, known); near != "" {
			text += fmt.Sprintf(": did you mean %s?", near)
		}
		errs = append(errs, errors.New(text))
	}
	return errors.Join(errs...)
}

// prepare makes room for values that the file does not have: the optional parts
// and the providers that variables speak of.
func (c *config) prepare(given map[string]string) {
	for name := range given {
		switch {
		case strings.HasPrefix(name, envPrefix+"KAFKA_TLS_") && c.Kafka.TLS == nil:
			c.Kafka.TLS = &tlsConfig{}
		case strings.HasPrefix(name, envPrefix+"KAFKA_SASL_") && c.Kafka.SASL == nil:
			c.Kafka.SASL = &saslConfig{}
		case strings.HasPrefix(name, envPrefix+"REDIS_TLS_") && c.Redis.TLS == nil:
			c.Redis.TLS = &tlsConfig{}
		}
		rest, ok := strings.CutPrefix(name, envPrefix+"PROVIDERS_")
		for _, field := range []string{"_BASE_URL", "_MAX_INFLIGHT"} {
			if provider, found := strings.CutSuffix(rest, field); ok && found {
				if c.Providers == nil {
					c.Providers = map[string]providerConfig{}
				}
				provider = strings.ToLower(provider)
				have := c.Providers[provider]
				c.Providers[provider] = have
			}
		}
	}
}

// overlay sets one value from its variable, or, for a secret, from the file
// that the variable with _FILE names. It takes what it used out of given.
func (s setting) overlay(given map[string]string, from origin) error {
	name := variable(s.path)
	text, ok := given[name]
	delete(given, name)
	if _, is := s.value.Addr().Interface().(*secret); is && !ok {
		var file string
		if file, ok = given[name+"_FILE"]; ok {
			delete(given, name+"_FILE")
			b, err := readSecretFile(file)
			if err != nil {
				return fmt.Errorf("read the file of %s_FILE: %w", name, err)
			}
			text, name = strings.TrimRight(string(b), "\r\n"), name+"_FILE"
		}
	}
	if !ok {
		return nil
	}
	from[s.path] = name
	if err := s.set(text); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (s setting) set(text string) error {
	switch v := s.value.Addr().Interface().(type) {
	case *secret:
		return v.UnmarshalText([]byte(text))
	case *string:
		*v = text
	case *[]string:
		*v = slices.DeleteFunc(strings.Split(text, ","), func(s string) bool { return s == "" })
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return errors.New("want a whole number")
		}
		*v = n
	case *bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return errors.New("want true or false")
		}
		*v = b
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return errors.New("want a duration such as 30s")
		}
		*v = d
	default:
		return fmt.Errorf("no way to set a %T", v)
	}
	return nil
}
