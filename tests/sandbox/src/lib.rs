//! A CIBA OpenID Provider, a Guardian device API and a console on one machine.
