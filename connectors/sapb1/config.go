package sapb1

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/orderlyhq/orderly/connector"
	"github.com/orderlyhq/orderly/connectors/sapb1/api"
	"github.com/orderlyhq/orderly/money"
)

// Where the addresses of an order are kept.
const (
	addressesPartner = "partner"
	addressesOrder   = "order"
)

// Ways of stating a tax on a line, by localisation; never both.
const (
	taxAuto     = "auto"
	taxVatGroup = "vat_group"
	taxTaxCode  = "tax_code"
)

// Dates that an order is posted under.
const (
	postOrderDate = "order"
	postToday     = "today"
)

// config is the configuration of a connection. Secrets are exported so that fmt lets them hide themselves.
type config struct {
	company    string
	user       string
	Password   connector.Secret
	apiVersion string
	language   string

	tokenURL     string
	clientID     string
	ClientSecret connector.Secret
	companyID    string

	keyField    string
	createField bool

	cardPrefix   string
	cardSeries   int
	cardGroup    int
	cardCurrency string
	addresses    string

	orderSeries     int
	branch          int
	warehouse       string
	dueDays         int
	postingDate     string
	approved        bool
	grossPrices     bool
	taxField        string
	currencies      []string
	shippingExpense int
	chargeExpense   int
	discountExpense int
	paymentAccount  string

	timeZone      string
	WebhookSecret connector.Secret
	webhookHash   string
}

func newConfig() *config {
	return &config{
		apiVersion: string(api.V2), keyField: "U_OrderlyId", createField: true, cardPrefix: "W", cardCurrency: "##", addresses: addressesPartner,
		dueDays: 7, postingDate: postOrderDate, approved: true, grossPrices: true, taxField: taxAuto, webhookHash: "HMACSha256",
	}
}

// Settings implements connector.Config.
func (c *config) Settings() []connector.Setting {
	return []connector.Setting{
		connector.String(&c.company, "company_db", "name of the company's database, as shown at sign-in", connector.Required(), connector.Example("SBO_MYCOMPANY")),
		connector.String(&c.user, "user_name", "Business One user with a licence of its own", connector.Example("orderly")),
		connector.SecretString(&c.Password, "password", "password of that user"),
		connector.String(&c.apiVersion, "api_version", "v2 is OData 4; v1 is OData 3, which SAP gives up as of 10.0 FP 2405",
			connector.Allowed(string(api.V1), string(api.V2)), connector.Advanced()),
		connector.String(&c.language, "language", "number of the language of Business One's messages; empty is the user's own", connector.Example("3"), connector.Advanced()),

		connector.String(&c.keyField, "key_field", "user field of orders and business partners that keeps Orderly's key", connector.Example("U_OrderlyId"), connector.Advanced()),
		connector.Bool(&c.createField, "create_key_field", "let the connection's check create that field; Business One needs exclusive access for it", connector.Advanced()),

		connector.String(&c.cardPrefix, "card_prefix", "beginning of the codes of new customers, at most 4 letters or digits", connector.Example("W"), connector.Advanced()),
		connector.Int(&c.cardSeries, "card_series", "numbering series for new customers, in the place of codes of our own; 0 is none", connector.Example("71"), connector.Advanced()),
		connector.Int(&c.cardGroup, "card_group", "group of new customers; 0 is Business One's default", connector.Example("100"), connector.Advanced()),
		connector.String(&c.cardCurrency, "card_currency", "currency of new customers; ## is all currencies", connector.Example("##"), connector.Advanced()),
		connector.String(&c.addresses, "addresses", "partner keeps addresses in the business partner and points at them; order writes them into the order alone, as fits one customer for all guests",
			connector.Allowed(addressesPartner, addressesOrder), connector.Advanced()),

		connector.String(&c.warehouse, "warehouse", "warehouse of lines that have no other", connector.Example("01")),
		connector.Int(&c.branch, "branch", "number of the branch, in a company that has several; 0 is none", connector.Example("1")),
		connector.Int(&c.orderSeries, "order_series", "numbering series for orders; 0 is Business One's default", connector.Example("15"), connector.Advanced()),
		connector.Int(&c.dueDays, "due_days", "days from the order to its delivery date, where the order wishes none", connector.Example("7")),
		connector.String(&c.postingDate, "posting_date", "date under which an order is posted: its own, or that of the day on which it arrives",
			connector.Allowed(postOrderDate, postToday), connector.Advanced()),
		connector.Bool(&c.approved, "approved", "new orders are marked as approved at once", connector.Advanced()),
		connector.Bool(&c.grossPrices, "gross_prices", "lines of orders whose prices include tax are written with their gross prices", connector.Advanced()),
		connector.String(&c.taxField, "tax_field", "how the localisation states taxes: vat_group, or tax_code as in the United States and Canada; auto finds out",
			connector.Allowed(taxAuto, taxVatGroup, taxTaxCode), connector.Advanced()),
		connector.List(&c.currencies, "currencies", "the company's codes of currencies that are not the international ones", connector.Example("USD=$,CAD=CAN")),
		connector.Int(&c.shippingExpense, "shipping_expense", "number of the freight that shipping becomes, where no article is mapped; 0 is none", connector.Example("1")),
		connector.Int(&c.chargeExpense, "charge_expense", "number of the freight that fees become, where no article is mapped; 0 is none", connector.Example("2")),
		connector.Int(&c.discountExpense, "discount_expense", "number of the freight that discounts on the whole order become, where no article is mapped; 0 lowers the document by its total discount",
			connector.Example("3"), connector.Advanced()),
		connector.String(&c.paymentAccount, "payment_account", "account in the ledger that payments of invoices go to", connector.Example("161020")),

		connector.String(&c.timeZone, "time_zone", "time zone of the server, whose dates and times have none", connector.Example("Europe/Berlin")),
		connector.SecretString(&c.WebhookSecret, "webhook_secret", "random text that proves webhooks; Business One signs with it from 10.0 FP 2602 on"),
		connector.String(&c.webhookHash, "webhook_algorithm", "how Business One signs", connector.Allowed("HMACSha256", "HMACSha384", "HMACSha512"), connector.Advanced()),

		connector.String(&c.tokenURL, "token_url", "token address of the identity provider, to sign in by OAuth in the place of user and password",
			connector.Example("https://idp.example.com/oauth2/token"), connector.Advanced()),
		connector.String(&c.clientID, "client_id", "client of the identity provider", connector.Advanced()),
		connector.SecretString(&c.ClientSecret, "client_secret", "secret of that client", connector.Advanced()),
		connector.String(&c.companyID, "company_id", "number of the company in the system landscape directory, for OAuth", connector.Example("1"), connector.Advanced()),
	}
}

var (
	fieldName  = regexp.MustCompile(`^(U_)?[A-Za-z0-9_]{1,20}$`)
	prefixForm = regexp.MustCompile(`^[A-Za-z0-9]{1,4}$`)
	versioned  = regexp.MustCompile(`/b1s(/v[12])?/*$`)
)

// Open implements connector.Config.
func (c *config) Open(_ context.Context, env connector.Env) (connector.Connector, error) {
	if err := c.contradiction(); err != nil {
		return nil, err
	}
	c.keyField = "U_" + strings.TrimPrefix(c.keyField, "U_")
	account := api.Account{
		Base: versioned.ReplaceAllString(env.BaseURL, ""), Version: api.Version(c.apiVersion), Company: c.company, User: c.user, Password: c.Password,
		Language: c.language, HTTP: env.HTTP, State: env.State, Now: env.Now,
	}
	if c.tokenURL != "" {
		account.OAuth = &api.OAuth{TokenURL: c.tokenURL, ClientID: c.clientID, ClientSecret: c.ClientSecret, CompanyID: c.companyID}
	}
	opened := &conn{config: c, env: env, api: api.NewClient(account)}
	opened.known = newLookup(opened)
	if c.addresses == addressesOrder {
		return opened, nil
	}
	return &bookConn{opened}, nil
}

// contradiction finds settings that cannot be meant.
func (c *config) contradiction() error {
	wrong := func(setting, message, fix string) error {
		e := connector.Invalid(setting, "%s", message)
		e.Fix = fix
		return e
	}
	if c.tokenURL == "" {
		if c.user == "" {
			return wrong("user_name", "is needed to sign in", "enter the Business One user, or set up OAuth with token_url")
		}
		if c.Password == "" {
			return wrong("password", "is needed to sign in", "enter the user's password")
		}
	} else if c.clientID == "" || c.ClientSecret == "" || c.companyID == "" {
		return wrong("token_url", "needs client_id, client_secret and company_id beside it", "enter all four, or leave token_url empty")
	}
	if !fieldName.MatchString(c.keyField) {
		return wrong("key_field", "is no name of a user field", "write it as U_OrderlyId, with at most 20 letters and digits")
	}
	if !prefixForm.MatchString(c.cardPrefix) {
		return wrong("card_prefix", "is not 1 to 4 letters or digits", "choose a short one, such as W")
	}
	if c.dueDays < 0 || c.dueDays > 3650 {
		return wrong("due_days", "is no sensible number of days", "enter a number such as 7")
	}
	if _, err := time.LoadLocation(c.timeZone); err != nil {
		return wrong("time_zone", "is no time zone", "write it as Europe/Berlin")
	}
	for _, entry := range c.currencies {
		iso, own, found := strings.Cut(entry, "=")
		if _, err := money.ParseCurrency(iso); err != nil || !found || strings.TrimSpace(own) == "" {
			return wrong("currencies", "has the entry "+entry+", which is no currency with its code in Business One", "write it as USD=$")
		}
	}
	return nil
}

// zone is the server's.
func (c *config) zone() *time.Location {
	zone, err := time.LoadLocation(c.timeZone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// ownCode gives the company's code of a currency if a setting says it.
func (c *config) ownCode(currency money.Currency) string {
	for _, entry := range c.currencies {
		if iso, own, found := strings.Cut(entry, "="); found && strings.EqualFold(strings.TrimSpace(iso), string(currency)) {
			return strings.TrimSpace(own)
		}
	}
	return ""
}

// iso gives the international code of a company's code: by the setting, as it is, or by the sign that it is. What is none of these comes back as it is.
func (c *config) iso(own string) string {
	own = strings.TrimSpace(own)
	for _, entry := range c.currencies {
		if iso, code, found := strings.Cut(entry, "="); found && strings.TrimSpace(code) == own {
			return strings.ToUpper(strings.TrimSpace(iso))
		}
	}
	if currency, err := money.ParseCurrency(own); err == nil {
		return string(currency)
	}
	switch own {
	case "$", "US$":
		return "USD"
	case "€":
		return "EUR"
	case "£":
		return "GBP"
	case "¥":
		return "JPY"
	case "CAN", "C$":
		return "CAD"
	case "A$":
		return "AUD"
	}
	return own
}

// Decoder implements connector.SourceConfig.
func (c *config) Decoder() connector.Decoder { return decoder{c} }
