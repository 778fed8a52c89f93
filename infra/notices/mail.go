package notices

import (
	"context"
	"errors"
	"net"
	netmail "net/mail"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// mailer sends parcels as e-mail, each over a connection of its own.
type mailer struct {
	client *mail.Client
	from   string
	domain string // of from, for the ids of messages
	public string
}

func newMailer(s Mail, public string, patience time.Duration) (*mailer, error) {
	host, portText, err := net.SplitHostPort(s.Server)
	port, portErr := strconv.Atoi(portText)
	if err != nil || portErr != nil || host == "" {
		return nil, configured("The server of e-mail, %q, is not HOST:PORT.", s.Server)
	}
	from, err := netmail.ParseAddress(s.From)
	if err != nil || from.Address != s.From {
		return nil, configured("The sender of e-mail, %q, is not a plain address.", s.From)
	}
	m := &mailer{from: s.From, domain: s.From[strings.LastIndexByte(s.From, '@')+1:], public: public}
	secure, err := secure(s.CA, host)
	if err != nil {
		return nil, err
	}
	options := []mail.Option{mail.WithPort(port), mail.WithTLSConfig(secure), mail.WithTimeout(patience), mail.WithHELO(m.domain)}
	switch s.TLS {
	case "", "starttls":
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	case "implicit":
		options = append(options, mail.WithSSL())
	case "none":
		if !loopback(host) || s.User != "" {
			return nil, configured("E-mail is sent without TLS to a server on this machine alone, and without a password.")
		}
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		return nil, configured("%q is not a way of securing e-mail.", s.TLS).WithAdvice("Set tls to starttls or implicit.")
	}
	if s.User != "" {
		password, err := secrets("the password of e-mail", s.PasswordFile)
		if err != nil {
			return nil, err
		}
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.User), mail.WithPassword(password[0]))
	}
	if m.client, err = mail.NewClient(host, options...); err != nil {
		return nil, configured("The settings of e-mail cannot be used.").Because(err)
	}
	return m, nil
}

func (m *mailer) name() string { return "email" }

func (m *mailer) send(ctx context.Context, p workspaces.Parcel) error {
	if p.Address == "" {
		return &failure{reason: "no address", final: true}
	}
	message, err := m.compose(p)
	if err != nil {
		return &failure{reason: "address", final: true}
	}
	conversation, err := m.client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return spoken("connect", err)
	}
	err = m.client.SendWithSMTPClient(conversation, message)
	// The server has answered for the message; how the connection ends changes nothing.
	_ = m.client.CloseWithSMTPClient(conversation)
	if err != nil {
		return spoken("send", err)
	}
	return nil
}

func (m *mailer) compose(p workspaces.Parcel) (*mail.Msg, error) {
	message := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := errors.Join(message.From(m.from), message.To(p.Address)); err != nil {
		return nil, err
	}
	subject, text := letter(p, m.public)
	message.Subject(subject)
	message.SetBodyString(mail.TypeTextPlain, text)
	message.SetDate()
	message.SetMessageIDWithValue(p.ID + "@" + m.domain)
	message.SetGenHeader("Auto-Submitted", "auto-generated") // nobody's absence is answered to
	return message, nil
}

// spoken is the failure of a conversation with an SMTP server: the phase, and
// the server's code if it gave one. A recipient that it refuses for good is
// refused for good; everything else may be mended.
func spoken(phase string, err error) *failure {
	f := &failure{reason: "smtp " + phase}
	var sent *mail.SendError
	if errors.As(err, &sent) {
		if sent.ErrorCode() != 0 {
			f.reason = "smtp " + strconv.Itoa(sent.ErrorCode())
		}
		f.final = sent.Reason == mail.ErrSMTPRcptTo && sent.ErrorCode()/100 == 5
	}
	return f
}
