package crmsync

// ConnectionID names one org's account at one provider.
type ConnectionID struct{ Org, Name string }

// String returns "org/name".
func (c ConnectionID) String() string { return c.Org + "/" + c.Name }

// Connection is one org's account at one provider, as its org.yaml describes
// it. It holds no URL and no secret: the provider's description knows the one,
// the credential store the other.
type Connection struct {
	ID         ConnectionID
	Provider   string
	Credential string // name of the credential, within the org
	Plan       string // picks the provider's budgets
	Paused     bool
}

// CredentialID returns where the connection's credential is kept.
func (c Connection) CredentialID() CredentialID {
	return CredentialID{Org: c.ID.Org, Name: c.Credential}
}
