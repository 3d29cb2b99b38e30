package document

// Suggest returns the word among those given that was most likely meant, "" if
// none is near. Letter case does not matter to it.
func Suggest(word string, among []string) string { return "" }
