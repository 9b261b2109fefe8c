package privacy

// ibanLength is how many characters an IBAN has, by country (SWIFT, IBAN registry).
var ibanLength = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29, "BY": 28,
	"CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
	"FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28,
	"IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
	"LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28,
	"NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24,
	"SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26,
	"UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}

// findIBANs finds two letters of a country and two check digits with as many
// characters behind them as the country's numbers have, parted by single spaces
// or dashes perhaps, if the whole is 1 modulo 97 (ISO 13616, ISO 7064).
func findIBANs(p *page) {
	for i := 0; i+4 <= len(p.s); i++ {
		if !alpha(p.s[i]) || word(p.before(i)) {
			continue
		}
		if j := iban(p.s, i); j > 0 && !word(p.after(j)) {
			p.add(IBAN, i, j)
			i = j - 1
		}
	}
}

// iban is where the number that begins at i ends, 0 if none begins there.
func iban(s string, i int) int {
	country := string([]byte{s[i] &^ 0x20, s[i+1] &^ 0x20})
	want, chars, j := ibanLength[country], 0, i
	mod := 0
	var head [4]byte
	for ; j < len(s) && chars < want; j++ {
		c := s[j]
		if (c == ' ' || c == '-') && chars >= 2 && alnum(at(s, j+1)) {
			continue
		}
		if !alnum(c) || (chars == 2 || chars == 3) && !digit(c) {
			return 0
		}
		if chars < 4 {
			head[chars] = c
		} else {
			mod = mod97(mod, c)
		}
		chars++
	}
	for _, c := range head { // which stands behind the rest for the check
		mod = mod97(mod, c)
	}
	if want == 0 || chars < want || mod != 1 {
		return 0
	}
	return j
}

// mod97 adds a character to the remainder: letters count as 10 to 35.
func mod97(mod int, c byte) int {
	if digit(c) {
		return (mod*10 + int(c-'0')) % 97
	}
	return (mod*100 + int(c&^0x20-'A') + 10) % 97
}
