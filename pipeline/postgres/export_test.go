package postgres

// NameOf returns how a store on that URL would name itself.
func NameOf(url string) (string, error) {
	config, err := parse(url)
	if err != nil {
		return "", err
	}
	return nameOf(config.ConnConfig), nil
}
