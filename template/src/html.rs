//! Escaping by context: what `html/template` adds to templates, so that data never becomes markup or code.

mod attribute;
mod context;
mod css;
mod edit;
mod entity;
mod escaper;
mod js;
mod markup;
mod script;
mod stringify;
mod style;
mod transition;
mod url;

pub(crate) use escaper::escape;

use crate::function::Functions;
use crate::value::{Signature, Type};
use stringify::Printed;

/// What stands in place of unsafe values. It means nothing in any language, and can be searched for.
const FAILSAFE: &str = "ZgotmplZ";

/// The functions that escaped templates call.
pub(crate) fn functions() -> Functions {
    let printed = |name: &'static str, escape: fn(&Printed) -> String| {
        Functions::new().with(name, Signature::variadic(&[Type::Any]), move |context, args| {
            let printed = Printed::of(context, args)?;
            Ok(escape(&printed).into())
        })
    };
    Functions::new()
        .and(printed("_html_template_attrescaper", markup::attribute))
        .and(printed("_html_template_commentescaper", |_| String::new()))
        .and(printed("_html_template_cssescaper", css::string))
        .and(printed("_html_template_cssvaluefilter", css::value))
        .and(printed("_html_template_htmlnamefilter", markup::name))
        .and(printed("_html_template_htmlescaper", markup::text))
        .and(printed("_html_template_jsregexpescaper", js::regexp))
        .and(printed("_html_template_jsstrescaper", js::string))
        .and(printed("_html_template_jstmpllitescaper", js::template_literal))
        .and(printed("_html_template_nospaceescaper", markup::unquoted))
        .and(printed("_html_template_rcdataescaper", markup::rcdata))
        .and(printed("_html_template_srcsetescaper", url::srcset))
        .and(printed("_html_template_urlescaper", url::escape))
        .and(printed("_html_template_urlfilter", url::filter))
        .and(printed("_html_template_urlnormalizer", url::normalize))
        .with("_html_template_jsvalescaper", Signature::variadic(&[Type::Any]), |context, args| {
            Ok(js::value(context, args)?.into())
        })
        .with("_eval_args_", Signature::variadic(&[Type::Any]), |context, args| {
            Ok(stringify::sprint(context, args)?.into())
        })
}
