#pragma once

namespace millrace::observe {

extern const char* const page_body;      ///< page/page.html
extern const char* const page_style;     ///< page/page.css
extern const char* const page_timeline;  ///< page/timeline.js
extern const char* const page_script;    ///< page/page.js

}  // namespace millrace::observe
