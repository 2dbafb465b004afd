#pragma once

namespace millrace::observe {

extern const char* const report_style;   ///< page/report.css
extern const char* const report_script;  ///< page/report.js

}  // namespace millrace::observe
